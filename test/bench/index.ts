/**
 * `npm run bench [-- NAME…]`: prints the figures of every bench, or of the named ones.
 * Each bench measures Fairlead and its peer in one run, so that the ratio holds on a noisy machine.
 */
const benches: Readonly<Record<string, () => Promise<{ bench(report: (line: string) => void): Promise<void> }>>> = {
  profile: () => import('./profile.ts'),
  apparmor: () => import('./apparmor.ts'),
  cli: () => import('./cli.ts'),
  registry: () => import('./registry.ts'),
  tags: () => import('./tags.ts'),
  catalog: () => import('./catalog.ts'),
  publish: () => import('./publish.ts'),
  pages: () => import('./pages.ts'),
  'pull-service': () => import('./pull-service.ts'),
  trust: () => import('./trust.ts'),
  shim: () => import('./shim.ts'),
  containers: () => import('./containers.ts'),
  store: () => import('./store.ts'),
  controllers: () => import('./controllers.ts'),
  conversion: () => import('./conversion.ts'),
  admission: () => import('./admission.ts'),
};

const asked = process.argv.slice(2);
for (const name of asked) {
  if (!(name in benches)) {
    console.error(`error: no bench named ${name}; there are: ${Object.keys(benches).join(', ')}`);
    process.exit(2);
  }
}
for (const [name, load] of Object.entries(benches)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  console.log(`\n${name}`);
  const { bench } = await load();
  await bench((line) => console.log(`  ${line}`));
}
