import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { root } from '#test/support/cli/package';
import { type Finished, run, runFairlead, succeeded } from '#test/support/cli/run';

interface Step {
  readonly name?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
}

interface Workflow {
  readonly permissions: object;
  readonly jobs: Readonly<
    Record<
      string,
      {
        readonly permissions: Readonly<Record<string, string>>;
        readonly needs?: string;
        readonly steps: readonly Step[];
      }
    >
  >;
}

describe('the release workflow', () => {
  let text = '';
  let workflow: Workflow;
  let steps: readonly Step[] = [];
  let scripts: readonly string[] = [];
  before(async () => {
    text = await readFile(join(root, '.github/workflows/release.yml'), 'utf8');
    workflow = parse(text);
    steps = Object.values(workflow.jobs).flatMap((job) => job.steps);
    scripts = steps.flatMap((step) => step.run ?? []);
  });

  it('gives the identity and write access to the job that publishes only, which waits for the checks', () => {
    assert.deepEqual(workflow.permissions, {});
    assert.deepEqual(workflow.jobs['check']?.permissions, { contents: 'read' });
    assert.equal(workflow.jobs['publish']?.needs, 'check');
    // The scripts of npm packages run in steps without it.
    for (const { run: script, env } of steps) {
      if (env?.['GITHUB_TOKEN'] !== undefined) assert.doesNotMatch(script ?? '', /npm (?:ci|run release)/);
    }
  });

  it('runs actions that are pinned by commit, and states their version', () => {
    const uses = text.split('\n').filter((line) => line.includes('uses:'));
    assert.equal(uses.length, steps.filter((step) => step.uses !== undefined).length);
    for (const line of uses) assert.match(line, /uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  it('has scripts that the shell can parse, into which no expression is copied', async () => {
    for (const script of scripts) {
      assert.doesNotMatch(script, /\$\{\{/);
      succeeded(await run('bash', ['-n'], { input: script }));
    }
  });

  it('runs scripts of package.json, and commands and options of fairlead, that exist', async () => {
    const known = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')).scripts;
    const called = scripts.flatMap((script) =>
      Array.from(script.matchAll(/npm run (?:-s )?(\S+)/g), ([, name]) => name),
    );
    assert.ok(called.includes('release') && called.includes('check'));
    for (const name of called) assert.ok(Object.hasOwn(known, name ?? ''), name);
    const commands = scripts.flatMap((script) => Array.from(script.matchAll(/fairlead -- (\S+) (.*)/g)));
    assert.ok(commands.length > 0);
    for (const [, command = '', rest = ''] of commands) {
      const help = succeeded(await runFairlead([command, '--help']));
      for (const [option] of rest.matchAll(/--[a-z-]+/g)) assert.match(help, new RegExp(`${option}\\b`), command);
    }
  });

  describe('compares the tag with package.json', () => {
    let folder = '';
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'fairlead-workflow-'));
    });
    after(() => rm(folder, { recursive: true }));

    async function compare(tag: string, manifest: object): Promise<Finished & { readonly environment: string }> {
      await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
      const file = join(folder, 'environment');
      await writeFile(file, '');
      const step = steps.find(({ name }) => name === 'Compare the tag with package.json');
      const env = { TAG: tag, GITHUB_ENV: file, GITHUB_REPOSITORY_OWNER: 'Acme' };
      const finished = await run('bash', ['-e', '-c', step?.run ?? 'false'], { cwd: folder, env });
      return { ...finished, environment: await readFile(file, 'utf8') };
    }

    it('and exports the version and the names of the image and the chart', async () => {
      const { code, environment } = await compare('v1.2.3-rc.1', { version: '1.2.3-rc.1', repository: 'x' });
      assert.equal(code, 0);
      assert.equal(
        environment,
        'VERSION=1.2.3-rc.1\nIMAGE=ghcr.io/acme/fairlead\nCHART=ghcr.io/acme/charts/fairlead\n',
      );
    });

    it('and refuses another version, and a package without a repository of its sources', async () => {
      const other = await compare('v1.2.4', { version: '1.2.3', repository: 'x' });
      assert.match(other.stdout, /the tag is v1\.2\.4, and package\.json has version 1\.2\.3/);
      const homeless = await compare('v1.2.3', { version: '1.2.3' });
      assert.match(homeless.stdout, /package\.json has no repository/);
      for (const { code, environment } of [other, homeless]) assert.deepEqual([code, environment], [1, '']);
    });
  });
});
