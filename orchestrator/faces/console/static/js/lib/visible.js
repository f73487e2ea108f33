// Characters that would not be seen, or would change how others are seen, told by what stands for them. Pure.

// eslint-disable-next-line no-control-regex -- they are what is looked for
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const HAS_HIDDEN = new RegExp(HIDDEN.source);

/**
 * Return `text` with every control, bidirectional and zero-width character replaced by a sign that can be seen.
 * @param {string} text
 * @returns {string}
 */
export function visible(text) {
  return HAS_HIDDEN.test(text) ? text.replace(HIDDEN, signOf) : text;
}

/**
 * Return what is shown for one character that is not seen: ␀ for NUL, ‹U+202E› for what has no picture.
 * @param {string} character
 * @returns {string}
 */
export function signOf(character) {
  const code = character.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  if (code === 0x7f) return "\u2421";
  return `‹U+${code.toString(16).toUpperCase().padStart(4, "0")}›`;
}
