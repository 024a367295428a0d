import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { build } from 'esbuild';
import { describePeers } from '#test/peers/require';
import { failed, run } from '#test/support/cli/run';
import { buildProgram, ownArchitecture } from '#test/support/release/program';
import manifest from '../../../package.json' with { type: 'json' };
import { buildExecutable } from '../../../tools/release/executable.ts';

/**
 * A program that prints how many MiB the young generation takes, as a median: while it is
 * collected, pages whose objects are promoted are part of it for a moment.
 */
const youngGeneration = `
  const lean = module.exports.stayLean;
  const { getHeapSpaceStatistics } = require('node:v8');
  const size = () => getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space').space_size;
  module.exports = {
    main: ([wanted]) => {
      if (wanted === 'lean') lean();
      let kept = [];
      const sizes = [];
      for (let i = 0; i < 6_000_000; i++) {
        kept.push({ name: i });
        if (kept.length > 300_000) kept = [];
        if (i > 3_000_000 && i % 50_000 === 0) sizes.push(size());
      }
      console.log(sizes.sort((a, b) => a - b)[sizes.length >> 1] / 2 ** 20);
    },
  };`;

describePeers(['x86_64-linux-gnu-strip', 'aarch64-linux-gnu-strip', 'root'], 'the executable', () => {
  let directory: string;
  let program: string;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'fairlead-executable-'));
    program = await buildProgram(directory);
  });
  after(() => rmSync(directory, { recursive: true }));

  it('runs where /proc is not mounted, as in a root that is being installed', () => {
    // Without /proc the program does not know its own path.
    const script = 'umount --lazy --recursive /proc && PATH=$1:$PATH && exec fairlead --version';
    const printed = execFileSync('unshare', ['--mount', 'sh', '-c', script, 'sh', join(program, '..')], {
      encoding: 'utf8',
    });
    assert.equal(printed, `${manifest.version}\n`);
  });

  it('has a young generation of its own size in any container, which services keep small', async () => {
    const output = { write: false, bundle: true, platform: 'node', format: 'cjs' } as const;
    const entry = join(import.meta.dirname, '../../../cli/process/lean-process.ts');
    const { outputFiles } = await build({ ...output, entryPoints: [entry] });
    const main = join(directory, 'young-generation.js');
    writeFileSync(main, `(function(exports,require,module){${outputFiles[0]?.text}\n${youngGeneration}\n})`);
    const work = join(directory, 'young-generation');
    const [node, assets] = [process.execPath, { 'main.js': main }];
    const own = await buildExecutable(ownArchitecture, { node, assets, work });
    const taken = async (...args: string[]) => Number((await run(own, args)).stdout);
    const [usual, lean] = [await taken(), await taken('lean')];
    assert.ok(usual > 16 && usual <= 32, `${usual} MiB`);
    assert.ok(lean <= 6, `${lean} MiB`);
  });

  it('takes no options of Node.js and no code from its arguments or the environment', async () => {
    const code = join(directory, 'attack.cjs');
    writeFileSync(code, 'process.stderr.write("attacked\\n")');
    const variables = join(directory, 'attack.env');
    writeFileSync(variables, 'NODE_DEBUG=timer,module,stream,net\nFAIRLEAD_PASSWORD=attack\n');
    const options = join(directory, 'node.config.json');
    writeFileSync(options, JSON.stringify({ nodeOptions: { import: [code], require: [code] } }));
    const env = { NODE_OPTIONS: `--require=${code}` };
    for (const argument of [
      `--node-options=--require=${code}`,
      `--node-options=--import=${code}`,
      '--node-options=--inspect=127.0.0.1:0',
      `--require=${code}`,
      `--env-file=${variables}`,
      '--env-file=/nonexistent',
      `--env-file-if-exists=${variables}`,
      `--experimental-config-file=${options}`,
    ]) {
      const asReference = await run(program, ['inspect', '--', argument], { env });
      failed(asReference, 2, /^error: invalid reference "--/);
      const asOption = await run(program, ['inspect', argument], { env });
      failed(asOption, 2, /^error: unknown option '--/);
      for (const { stderr } of [asReference, asOption]) assert.doesNotMatch(stderr, /attacked|Debugger|^TIMER/im);
    }
    const fromDirectory = await run(program, ['inspect', '--experimental-default-config-file'], {
      cwd: directory,
      env,
    });
    failed(fromDirectory, 2, /^error: unknown option/);
    assert.doesNotMatch(fromDirectory.stderr, /attacked/);
  });
});
