import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { importProfile } from '#lib/profile/import-profile';
import { lint } from '#lib/profile/lint';
import { effectiveSeccomp } from '#lib/profile/seccomp/effective-profile';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { temporaryFolder } from '../../peers/program.ts';
import { describePeers } from '../../peers/require.ts';
import { runFairlead } from '../../support/cli/run.ts';
import { compileProbe, probeRecord } from '../../support/kernel/run-probe.ts';
import { ProgramContainer } from '../../support/seed-catalog/container.ts';
import { entrypoint } from '../../support/seed-catalog/entrypoint.ts';
import { allowedCalls, baseline, catalogFile, profileOf, readExample } from '../../support/seed-catalog/profiles.ts';
import type { CatalogProgram } from '../../support/seed-catalog/program.ts';
import { catalogPrograms } from '../../support/seed-catalog/programs.ts';
import { catalogTable, publishedProfiles } from '../../support/seed-catalog/table.ts';

const native = 'SCMP_ARCH_X86_64';

/** Calls of x86_64 that RuntimeDefault allows, with arguments that do not fail with EPERM. */
const refused: Readonly<Record<string, readonly [number: number, ...args: bigint[]]>> = {
  'ptrace(PTRACE_TRACEME)': [101, 0n],
  process_vm_readv: [310, 1n],
  execveat: [322, 0n],
  'socket(AF_PACKET, SOCK_RAW)': [41, 17n, 3n],
};
const [eperm, enosys] = [-1, -38];

/** What summaries say that a program cannot do, with the calls that it would need. */
const denials: Readonly<Record<string, readonly string[]>> = {
  ptrace: ['ptrace', 'process_vm_readv', 'process_vm_writev'],
  mounts: ['mount', 'umount2', 'move_mount', 'pivot_root'],
  'kernel keys': ['keyctl', 'add_key', 'request_key'],
  'kernel log': ['syslog'],
  'file watches': ['inotify_init', 'inotify_init1', 'fanotify_init'],
  io_uring: ['io_uring_setup'],
  'System V IPC': ['shmget', 'semget', 'msgget', 'ipc'],
};

function nodeProfile(program: CatalogProgram): SeccompProfile {
  const artifact = readExample(`catalog/${program.name}.json`);
  return effectiveSeccomp({ baseline, artifact }, native).profile;
}

describe('the profiles of examples/catalog', () => {
  it('are what was recorded, completed', () => {
    for (const program of catalogPrograms) {
      const expected = profileOf(program);
      assert.deepEqual(readExample(`catalog/${program.name}.json`), expected, `${program.name}: run write-profiles.ts`);
    }
  });

  it('are linted, and ask nodes for nothing that they do not grant', () => {
    for (const { name } of catalogPrograms) {
      const file = `${name}.json`;
      const profile = importProfile(readFileSync(catalogFile(file)), file);
      const codes = new Set(lint(profile).map(({ code }) => code));
      assert.deepEqual([...codes], ['missing-architecture'], name);
      const granted = allowedCalls(baseline);
      const asked = [...allowedCalls(readExample(`catalog/${file}`))].filter((call) => !granted.has(call));
      assert.deepEqual(asked, [], name);
    }
  });

  it('are in the table of the README as they are', () => {
    assert.ok(readFileSync(catalogFile('README.md'), 'utf8').includes(catalogTable()), 'run write-profiles.ts');
  });

  it('are in fairlead.yaml, each with a summary of at most two lines and its images', () => {
    const profiles = publishedProfiles();
    const files = readdirSync(catalogFile('.')).filter((name) => name.endsWith('.json'));
    assert.deepEqual(
      profiles.map(({ file }) => file),
      ['../base-crun.json', '../base-runc.json', ...files],
    );
    assert.deepEqual(
      files,
      catalogPrograms.map(({ name }) => `${name}.json`),
    );
    for (const { file, annotations } of profiles) {
      const summary = annotations['dev.fairlead.profile.summary'];
      assert.ok(summary !== undefined && summary.length <= 120, `${file}: ${summary?.length}`);
      const images = annotations['dev.fairlead.profile.images']?.split(',') ?? [];
      assert.equal(images.length === 0, file.startsWith('../base-'), file);
    }
  });

  it('deny what their summaries say', () => {
    for (const { file, annotations } of publishedProfiles()) {
      const [, list] = / No (.*)\.$/.exec(annotations['dev.fairlead.profile.summary'] ?? '') ?? [];
      const allowed = allowedCalls(readExample(`catalog/${file}`));
      for (const denied of list?.split(', no ') ?? []) {
        assert.ok(denials[denied] !== undefined, `${file}: ${denied}`);
        assert.deepEqual(
          denials[denied]?.filter((name) => allowed.has(name)),
          [],
          `${file}: ${denied}`,
        );
      }
    }
  });

  it('are published together', async () => {
    const registry = temporaryFolder('seed-catalog-registry');
    try {
      const target = ['--oci-layout', registry];
      const project = ['--project', catalogFile('fairlead.yaml'), '--unsigned'];
      const pushed = await runFairlead(['push', ...project, ...target, '--quiet']);
      assert.equal(pushed.code, 0, pushed.stderr);
      const listed = await runFairlead(['ls', 'localhost/profiles/nginx', ...target, '--quiet']);
      assert.match(listed.stdout, /1\.0\.0/);
      const names = pushed.stdout.trimEnd().split('\n');
      assert.equal(names.length, catalogPrograms.length + 2);
    } finally {
      rmSync(registry, { recursive: true, force: true });
    }
  });
});

describePeers(['catalog-root', 'runc', 'crun', 'cc', 'root'], 'the profiles of examples/catalog in the kernel', () => {
  let directory: string;
  before(() => {
    directory = temporaryFolder('seed-catalog');
    compileProbe(path.join(directory, 'probe'));
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  /** Runs the workload of a program, and returns what the calls of {@link refused} return in it. */
  async function run(
    program: CatalogProgram,
    runtime: 'runc' | 'crun',
    seccomp?: SeccompProfile,
  ): Promise<Readonly<Record<string, number>>> {
    const folder = path.join(directory, `${program.name}-${runtime}-${seccomp === undefined ? 'free' : 'held'}`);
    mkdirSync(folder);
    const container = await ProgramContainer.start(folder, program, { runtime, ...(seccomp && { seccomp }) });
    try {
      await program.use(container);
      copyFileSync(path.join(directory, 'probe'), path.join(folder, 'work/probe'));
      const calls = Object.values(refused).map(([number, ...args]) => probeRecord(number, args, false));
      const lines = container.exec(['/mnt/probe'], Buffer.concat(calls)).trimEnd().split('\n');
      return Object.fromEntries(Object.keys(refused).map((name, at) => [name, Number(lines[at]?.split(' ')[1])]));
    } finally {
      await container.stop(program.stop);
    }
  }

  it('refuse calls that succeed without them', async () => {
    for (const [name, result] of Object.entries(await run(entrypoint, 'crun'))) {
      assert.ok(![eperm, enosys].includes(result) && !Number.isNaN(result), `${name}: ${result}`);
    }
  });

  for (const [at, program] of catalogPrograms.entries()) {
    const runtime = at % 2 === 0 ? 'runc' : 'crun';
    it(`are enough for the workload of ${program.name}, run by ${runtime}, and no more`, async () => {
      for (const [name, result] of Object.entries(await run(program, runtime, nodeProfile(program)))) {
        assert.equal(result, enosys, name);
      }
    });
  }

  for (const runtime of ['runc', 'crun'] as const) {
    it(`are enough for the scripts of entry points, run by ${runtime}`, async () => {
      const [program] = catalogPrograms;
      assert.ok(program !== undefined);
      await run(entrypoint, runtime, nodeProfile(program));
    });
  }
});
