// Runs in a virtual machine: the calls of a client of the loader, and scripts in between, which a
// file lists as JSON. Prints what came of each, one JSON value a line.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { toFairleadError } from '#lib/errors';
import { LsmClient } from '#lib/node/install/apparmor/lsm-client';
import type { LsmStep } from './run-lsm-steps.ts';

const client = new LsmClient();
const { signal } = new AbortController();

async function take(step: LsmStep): Promise<unknown> {
  if ('load' in step) return client.load(step.load, signal);
  if ('unload' in step) return client.unload(step.unload, signal);
  if ('list' in step) return client.list(signal);
  return execFileSync('/bin/bash', ['-c', step.script], { encoding: 'utf8' });
}

for (const step of JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as readonly LsmStep[]) {
  const result = await take(step).catch((thrown: unknown) => {
    const { kind, message } = toFairleadError(thrown);
    return { kind, message };
  });
  console.log(JSON.stringify(result ?? 'done'));
}
