/**
 * Set-up of `npm test` (`node --test-global-setup`): bundles the program once, as it is published,
 * for the tests that start it. From the bundle, a start takes half the time that it takes from
 * hundreds of sources, which is what a test that runs alone starts (test/support/cli/run.ts).
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bundleProgram } from '../../../tools/bundle.ts';

const folder = join(import.meta.dirname, `../../../node_modules/.cache/program-${process.pid}`);

/** Runs as bin/fairlead.js runs the sources, with compiled code in a directory beside it. */
const launcher = `const { enableCompileCache } = require('node:module');
enableCompileCache(require('node:path').join(__dirname, 'compiled'));
void require('./main.js').main(process.argv.slice(2), process.argv[1]);
`;

/** Writes the program, and its launcher to FAIRLEAD_TEST_LAUNCHER. */
export async function globalSetup(): Promise<void> {
  const { files } = await bundleProgram({ distribution: 'source' });
  const texts = Object.entries(files).map(([path, { text }]) => [path, text] as const);
  for (const [path, text] of [...texts, ['package.json', '{"type":"commonjs"}'], ['fairlead.js', launcher]] as const) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  process.env['FAIRLEAD_TEST_LAUNCHER'] = join(folder, 'fairlead.js');
}

/** Removes what was written. */
export function globalTeardown(): void {
  rmSync(folder, { recursive: true, force: true });
}
