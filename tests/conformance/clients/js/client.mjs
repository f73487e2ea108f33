// The AWS SDK for JavaScript makes the calls in CLIENT_REQUEST, one after the other, and writes down every answer.
//
// A call is [kind, name, input, …]: "send" a command, "page" through a paginator, or "until" a run's end.
// "$0.JobRunId" in an input is a member of the first answer.
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { setTimeout } from "node:timers/promises";

// The SDK is installed beside the other clients, not beside this file.
const sdk = createRequire(`${process.env.CLIENT_MODULES}/`)("@aws-sdk/client-glue");
const client = new sdk.GlueClient({ maxAttempts: 3 });
const answers = [];

function resolve(value) {
  if (typeof value === "string" && value.startsWith("$")) {
    return value.slice(1).split(".").reduce((found, key) => found[key], answers);
  }
  if (Array.isArray(value)) return value.map(resolve);
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, resolve(member)]));
  }
  return value;
}

async function send(name, input) {
  try {
    const answer = await client.send(new sdk[`${name}Command`](input));
    const { $metadata: metadata, ...members } = answer;
    return { ...members, $status: metadata.httpStatusCode, $attempts: metadata.attempts };
  } catch (error) {
    if (!(error instanceof sdk.GlueServiceException)) throw error;
    const isTyped = sdk[error.name] !== undefined && error instanceof sdk[error.name];
    return { $error: error.name, $message: error.message, $typed: isTyped, $status: error.$metadata.httpStatusCode };
  }
}

async function page(name, input, pageSize) {
  const pages = [];
  for await (const one of sdk[`paginate${name}`]({ client, pageSize }, input)) {
    const { $metadata: _, ...members } = one;
    pages.push(members);
  }
  return pages;
}

async function until(name, input) {
  for (;;) {
    const run = (await client.send(new sdk[`${name}Command`](input))).JobRun;
    if (run.CompletedOn !== undefined) {
      return { ...run, $dates: run.StartedOn instanceof Date && run.CompletedOn instanceof Date };
    }
    await setTimeout(50);
  }
}

for (const [kind, name, input, ...more] of JSON.parse(process.env.CLIENT_REQUEST)) {
  answers.push(await { send, page, until }[kind](name, resolve(input), ...more));
}
writeFileSync(process.env.CLIENT_ANSWER, JSON.stringify(answers));
client.destroy();
