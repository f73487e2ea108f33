/* Loaded before user-mode Linux, between it and ptrace(2).
 *
 * Linux before 6.13 has 2,696 bytes there for a process's registers, and the host takes them back whole or not at all
 * (EFAULT): on a processor that has more (AMX) it panics at its first process. So what it gives back is laid over what
 * the process has, and is handed on whole. Compiled by tests/support/machine.py; it needs no header.
 *
 * Source: ptrace(2); arch/x86/um/os-Linux/registers.c of Linux 6.1; xstateregs_set() in arch/x86/kernel/fpu/regset.c.
 */

typedef long Ptrace(long request, ...);

struct iovec {
	char *base;
	unsigned long length;
};

enum { GETREGSET = 0x4204, SETREGSET = 0x4205, XSTATE = 0x202, MOST = 1 << 16 };

extern void *dlsym(void *handle, const char *name);

static Ptrace *next;

__attribute__((constructor)) static void find(void)
{
	next = (Ptrace *)dlsym((void *)-1, "ptrace");
}

long ptrace(long request, long pid, long what, struct iovec *given)
{
	if (request == SETREGSET && what == XSTATE) {
		static char registers[MOST];
		struct iovec whole = { registers, MOST };
		long refused = next(GETREGSET, pid, XSTATE, &whole);

		if (refused)
			return refused;
		for (unsigned long at = 0; at < given->length && at < whole.length; at++)
			registers[at] = given->base[at];
		return next(SETREGSET, pid, XSTATE, &whole);
	}
	return next(request, pid, what, given);
}
