import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { runFairlead } from '#test/support/cli/run';

const action = 'SCMP_ACT_ALLOW';
const profile = (names: readonly string[]) =>
  JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names, action }] }, undefined, 2);

describe('reports of lint and diff for CI systems', () => {
  let root = '';
  const fairlead = (args: readonly string[], input = '') =>
    runFairlead([...args, '--architecture', 'amd64'], { cwd: join(root, 'profiles'), input });

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'fairlead-report-'));
    await mkdir(join(root, '.git'));
    await mkdir(join(root, 'profiles'));
    await writeFile(join(root, 'profiles/old.json'), profile(['read']));
    await writeFile(join(root, 'profiles/new.json'), profile(['read', 'mount', 'bpf']));
    await writeFile(join(root, 'profiles/dead.json'), '{"defaultAction":\n"SCMP_ACT_NONE"}');
    await writeFile(join(root, 'profiles/misspelt.json'), profile(['opnat']));
  });
  after(() => rm(root, { recursive: true }));

  describe('--output github', () => {
    it('annotates findings at their lines, by paths from the root of the repository', async () => {
      const { code, stdout, stderr } = await fairlead(['lint', 'misspelt.json', '--output', 'github']);
      assert.deepEqual([code, stderr], [0, '']);
      const lines = stdout.trimEnd().split('\n');
      assert.equal(
        lines.find((line) => line.includes('opnat')),
        '::warning file=profiles/misspelt.json,line=6,col=9,endColumn=16,title=unknown-syscall::"opnat" is not a ' +
          'syscall of the listed architectures: did you mean openat?',
      );
      assert.ok(
        lines.every((line) => line.startsWith('::')),
        stdout,
      );
    });

    it('annotates what a change loosens in the new file, as an error if that fails the run', async () => {
      const shown = await fairlead(['diff', 'old.json', 'new.json', '--output', 'github']);
      assert.deepEqual(shown, {
        code: 0,
        stdout:
          '::warning file=profiles/new.json,line=8,col=9,endColumn=14,title=loosened::bpf, mount: ' +
          'SCMP_ACT_ERRNO(1) -> SCMP_ACT_ALLOW\n',
        stderr: '',
      });
      const failed = await fairlead(['diff', 'old.json', 'new.json', '--output', 'github', '--fail-on', 'loosened']);
      assert.deepEqual([failed.code, failed.stdout], [1, shown.stdout.replace('warning', 'error')]);
      const tightened = await fairlead(['diff', 'new.json', 'old.json', '--output', 'github', '--fail-on', 'loosened']);
      assert.equal(tightened.code, 0);
      assert.match(tightened.stdout, /^::notice file=profiles\/old\.json,line=2,.*title=tightened::bpf, mount: .*\n$/);
    });

    it('annotates files that are invalid or cannot be read, and keeps the exit code', async () => {
      const { code, stdout, stderr } = await fairlead([
        'lint',
        'nothing.json',
        'dead.json',
        'old.json',
        '--output',
        'github',
      ]);
      assert.equal(code, 2);
      assert.match(stdout, /^::error file=profiles\/nothing\.json,line=1,title=unreadable::cannot read nothing\.json/);
      assert.match(stdout, /^::error file=profiles\/dead\.json,line=2,col=1,title=invalid-profile::defaultAction/m);
      assert.match(stderr, /^error: cannot read nothing\.json/m);
      const diff = await fairlead(['diff', '-', 'dead.json', '--output', 'github'], profile(['read']));
      assert.equal(diff.code, 3);
      assert.match(diff.stdout, /^::error file=profiles\/dead\.json,line=2,col=1,title=invalid-profile::[^\n]*\n$/);
      const old = await fairlead(['diff', '-', 'old.json', '--output', 'github'], '{');
      assert.match(old.stdout, /^::error title=invalid-profile::stdin: not valid JSON/);
    });

    it('notes a new and a deleted profile', async () => {
      const added = await fairlead(['diff', '--new', 'new.json', '--output', 'github']);
      assert.match(added.stdout, /^::notice file=profiles\/new\.json,line=1,title=new-profile::New profile of kind/);
      const deleted = await fairlead(['diff', '--deleted', '-', '--output', 'github'], profile(['read']));
      assert.match(deleted.stdout, /^::notice title=deleted-profile::stdin: Deleted profile of kind Seccomp/);
    });

    it('annotates all profiles of two directories', async () => {
      const before = join(root, 'before');
      await mkdir(before);
      await writeFile(join(before, 'new.json'), profile(['read']));
      await writeFile(join(before, 'gone.json'), profile(['gettid']));
      const { code, stdout } = await fairlead(['diff', before, '.', '--output', 'github', '--fail-on', 'loosened']);
      assert.equal(code, 3);
      const lines = stdout.trimEnd().split('\n');
      assert.deepEqual(
        lines.map((line) => line.replace(/(?<=title=[a-z-]*)::.*/, '')),
        [
          '::error file=profiles/dead.json,line=2,col=1,title=invalid-profile',
          '::error file=profiles/new.json,line=8,col=9,endColumn=14,title=loosened',
          '::notice file=before/gone.json,line=1,title=deleted-profile',
          '::notice file=profiles/misspelt.json,line=1,title=new-profile',
          '::notice file=profiles/old.json,line=1,title=new-profile',
        ],
      );
    });
  });
});
