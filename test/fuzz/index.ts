/**
 * `npm run fuzz [-- SECONDS]`: mutated inputs for the readers of every kind of profile, whole
 * messages of CRI for the shim, and merges of seccomp profiles that libseccomp loads, for SECONDS
 * in total; in 120 they are more than a million inputs and some thousand merges. Ends with 1, and
 * the input that broke a promise, where one did.
 */
const fuzzers: readonly (() => Promise<{
  fuzz(seconds: number, report: (line: string) => void): void | Promise<void>;
}>)[] = [
  () => import('./readers.ts'),
  () => import('./seccomp.ts'),
  () => import('./apparmor.ts'),
  () => import('./selinux.ts'),
  () => import('./cri.ts'),
  () => import('./seccomp-merge.ts'),
];

const [text = '120'] = process.argv.slice(2);
const seconds = /^[0-9]{1,6}$/.test(text) ? Number(text) : 0;
if (seconds === 0) {
  console.error(`error: not a number of seconds: ${text}`);
  process.exit(2);
}
for (const load of fuzzers) {
  const { fuzz } = await load();
  await fuzz(seconds / fuzzers.length, (line) => console.log(line));
}
