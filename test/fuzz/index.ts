/**
 * `npm run fuzz [-- SECONDS]`: mutated inputs for the readers of every kind of profile, for so many seconds in total; in
 * 120 they are more than a million. Ends with 1, and the input that broke a promise, where one did.
 */
type Fuzzer = (seconds: number, report: (line: string) => void) => void;

const fuzzers: Readonly<Record<string, () => Promise<Fuzzer>>> = {
  readers: async () => (await import('./readers.ts')).fuzz,
  seccomp: async () => (await import('./seccomp.ts')).fuzz,
  apparmor: async () => {
    const { fuzz } = await import('./apparmor.ts');
    return (seconds, report) => {
      const { tried, accepted } = fuzz(seconds);
      report(`apparmor: ${tried} inputs, ${accepted} accepted`);
    };
  },
  selinux: async () => (await import('./selinux.ts')).fuzz,
};

const [text = '120'] = process.argv.slice(2);
const seconds = /^[0-9]{1,6}$/.test(text) ? Number(text) : 0;
if (seconds === 0) {
  console.error(`error: not a number of seconds: ${text}`);
  process.exit(2);
}
const names = Object.keys(fuzzers);
for (const name of names) {
  const fuzz = await fuzzers[name]?.();
  fuzz?.(seconds / names.length, (line) => console.log(line));
}
