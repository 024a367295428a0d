import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { shownMessage, toFairleadError } from '#lib/errors';
import { FakeNode } from '#test/support/node/fake-node';
import { KernelLoader } from './kernel-loader.ts';
import type { RenderedAppArmor } from './loader.ts';
import { nameByContent } from './profile-name.ts';
import { renderForNode } from './render.ts';

const profile = renderForNode({ mode: 'Enforce' });
const { signal } = new AbortController();

/** Returns the rendered profile with other text in it, named by its content. */
function changed(change: (text: string) => string): RenderedAppArmor {
  return nameByContent((name) => change(profile.text.replaceAll(profile.name, name)));
}

describe('the loader of AppArmor profiles', () => {
  let node: FakeNode;
  let loader: KernelLoader;
  beforeEach(() => {
    node = new FakeNode(mkdtempSync(join(tmpdir(), 'fairlead-lsm-')));
    loader = new KernelLoader({ root: node.root });
  });
  afterEach(() => rmSync(node.root, { recursive: true }));

  const calls = (): readonly string[] => {
    const file = join(node.root, 'calls');
    return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
  };

  it('asks the parser for the names in a text, and loads it from the same text', async () => {
    await loader.load(profile, signal);
    assert.deepEqual(calls(), ['--skip-cache --jobs=0 --names', '--skip-cache --jobs=0 --replace']);
    assert.equal(node.read('text'), profile.text);
  });

  for (const [what, hostile] of Object.entries({
    'two profiles': changed((text) => `${text}profile "crio-default" { file, }\n`),
    'a profile in a namespace': changed((text) => `${text}profile ":ns:a" { }\n`),
    'a child': changed((text) => text.replace('  file,\n', '  file,\n  profile "child" { }\n')),
    'a hat': changed((text) => text.replace('  file,\n', '  file,\n  ^hat { }\n')),
    'another include': changed((text) => text.replace('  file,\n', '  include "/etc/shadow"\n')),
    'an include in a comment': changed((text) => text.replace('  file,\n', '  #include </etc/shadow>\n')),
    'no default rules': changed((text) => text.replace('  deny mount,\n', '')),
    'other flags': changed((text) => text.replace('attach_disconnected', 'unconfined')),
    'the name of another text': { ...profile, text: `${profile.text}\n` },
    'the name of a runtime': { name: 'crio-default', text: profile.text.replaceAll(profile.name, 'crio-default') },
    'a name with a namespace': { name: `:ns:${profile.name}`, text: profile.text },
  })) {
    it(`does not hand ${what} to the parser`, async () => {
      await assert.rejects(loader.load(hostile, signal), { kind: 'InvalidInput' });
      assert.deepEqual(calls(), []);
    });
  }

  it('does not hand a text of more than 1 MiB to the parser', async () => {
    const text = profile.text.padEnd(1024 * 1024 + 1, ' ');
    await assert.rejects(loader.load({ ...profile, text }, signal), { kind: 'LimitExceeded' });
    assert.deepEqual(calls(), []);
  });

  for (const [what, names] of Object.entries({
    'a second one': `${profile.name}\\ncrio-default\\n`,
    'another one': 'crio-default\\n',
    'a child': `${profile.name}\\n${profile.name}//child\\n`,
    'one in a namespace': `:ns:${profile.name}\\n`,
    none: '',
  })) {
    it(`loads nothing if the parser reads ${what}`, async () => {
      node.parser(`printf '${names}'; exit 0`);
      await assert.rejects(loader.load(profile, signal), { kind: 'ProfileInvalid', message: /other profiles/ });
      assert.deepEqual(calls(), ['--skip-cache --jobs=0 --names']);
    });
  }

  it('reports what the parser says, in one line of limited length', async () => {
    node.parser('printf "AppArmor parser error at line 3:\\n  \\033[2Jsyntax error\\n" >&2; exit 1');
    await assert.rejects(loader.load(profile, signal), (thrown: unknown) => {
      const error = toFairleadError(thrown);
      assert.equal(error.kind, 'ProfileInvalid');
      assert.match(
        shownMessage(error),
        /fairlead\/[0-9a-f]{64}: AppArmor parser error at line 3:; \\u\{1b\}\[2Jsyntax error$/,
      );
      return true;
    });
    // Twice as much as a pipe holds, on both.
    node.parser('head -c 1000000 /dev/zero | tr "\\0" x >&2; head -c 1000000 /dev/zero | tr "\\0" y; exit 1');
    await assert.rejects(loader.load(profile, signal), (thrown: unknown) => {
      const error = toFairleadError(thrown);
      assert.equal(error.kind, 'ProfileInvalid');
      assert.ok(error.message.length < 700, `${error.message.length}`);
      return true;
    });
  });

  it('tells what the kernel refuses from what the parser refuses', async () => {
    node.parser('case "$*" in *--replace*) echo "Unable to replace" >&2; exit 243 ;; esac');
    await assert.rejects(loader.load(profile, signal), {
      kind: 'Unavailable',
      message: /Unable to replace/,
      hint: /CAP_MAC_ADMIN/,
      local: true,
    });
  });

  it('limits the memory, the time of the processor and the core file of the parser', async () => {
    node.parser('{ ulimit -v; ulimit -t; ulimit -c; } > limits');
    await loader.load(profile, signal);
    assert.equal(node.read('limits'), '262144\n30\n0\n');
  });

  for (const [how, script] of Object.entries({
    'out of memory': 'echo "what():  std::bad_alloc" >&2; kill -ABRT $$',
    'out of time': 'kill -XCPU $$',
    'killed by the kernel': 'kill -KILL $$',
  })) {
    it(`reports a profile as too expensive if the parser was ${how}`, async () => {
      node.parser(script);
      await assert.rejects(loader.load(profile, signal), { kind: 'LimitExceeded', hint: /\*\*/ });
    });
  }

  const hanging = 'sleep 1000 & echo "$! $$" > pids.new; mv pids.new pids; wait';
  const began = (): boolean => existsSync(join(node.root, 'pids'));
  /** Waits until the parser and its child have ended, if they had begun. */
  const ended = async (): Promise<void> => {
    for (const pid of began() ? node.read('pids').trim().split(' ') : []) {
      // A zombie whose parent has ended too is gone as soon as the first process sees it.
      while (/^\d+ \(.*\) [^Z]/.test(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''))) await sleep(5);
    }
  };

  it('kills a parser that takes too long, with all that it started, and goes on', async () => {
    node.parser(hanging);
    const impatient = new KernelLoader({ root: node.root, limits: { deadline: 500 } });
    await assert.rejects(impatient.load(profile, signal), { kind: 'LimitExceeded', message: /within 0\.5 s/ });
    await ended();
    node.parser(':');
    await impatient.load(profile, signal);
  });

  it('kills the parser when the caller gives up', async () => {
    node.parser(hanging);
    const caller = new AbortController();
    const loading = loader.load(profile, caller.signal);
    while (!began()) await sleep(5);
    const reason = new Error('gone');
    caller.abort(reason);
    await assert.rejects(loading, reason);
    await ended();
  });

  it('loads one profile after another, and none that no caller waits for', async () => {
    node.parser('[ ! -e busy ] || echo together >> faults; touch busy; sleep 0.05; rm busy');
    const caller = new AbortController();
    const first = loader.load(profile, signal);
    const second = loader.load(profile, caller.signal);
    const third = loader.load(profile, signal);
    caller.abort(new Error('gone'));
    await assert.rejects(second, /gone/);
    await Promise.all([first, third]);
    assert.equal(calls().length, 4);
    assert.ok(!existsSync(join(node.root, 'faults')));
  });

  it('lists profiles of its own only', async () => {
    const [a, b] = ['a', 'b'].map((digit) => `fairlead/${digit.repeat(64)}`);
    node.write(
      'sys/kernel/security/apparmor/profiles',
      `crio-default (enforce)\n${b} (complain)\n${a}//child (enforce)\nfairlead/x (enforce)\n${a} (enforce)\n`,
    );
    assert.deepEqual(await loader.list(), [a, b]);
  });

  describe('unloads', () => {
    const removed = (): string | undefined =>
      existsSync(join(node.root, 'sys/kernel/security/apparmor/.remove'))
        ? node.read('sys/kernel/security/apparmor/.remove')
        : undefined;

    it('a profile that confines no process', async () => {
      node.process(20, 'unconfined', `fairlead/${'0'.repeat(64)} (enforce)`, 'crio-default//&docker-default (enforce)');
      // It ends meanwhile.
      node.write('proc/30/task/30/comm', 'gone\n');
      node.write('proc/uptime', '1\n');
      await loader.unload(profile.name, signal);
      assert.equal(removed(), profile.name);
    });

    for (const label of [
      `${profile.name} (enforce)`,
      `${profile.name} (complain)`,
      `crio-default//&${profile.name} (enforce)`,
      `${profile.name}//null-/bin/sh (complain)`,
      profile.name,
    ]) {
      it(`no profile of a thread with the label ${label.replace(profile.name, 'NAME')}`, async () => {
        node.process(20, 'unconfined', label);
        await assert.rejects(loader.unload(profile.name, signal), { kind: 'Conflict', message: /process 20/ });
        assert.equal(removed(), undefined);
      });
    }

    it('no profile of a process where the kernel has no files of its own for AppArmor', async () => {
      node.write('proc/20/task/20/attr/current', `${profile.name} (enforce)\n`);
      await assert.rejects(loader.unload(profile.name, signal), { kind: 'Conflict' });
    });

    it('nothing for a caller who goes while the processes are looked at', async () => {
      const label = join(node.root, 'proc/1/task/1/attr/apparmor/current');
      rmSync(label, { force: true });
      mkdirSync(dirname(label), { recursive: true });
      execFileSync('mkfifo', [label]);
      const caller = new AbortController();
      const unloading = assert.rejects(loader.unload(profile.name, caller.signal), /gone/);
      const pipe = await open(label, 'w'); // waits for its reader
      caller.abort(new Error('gone'));
      await pipe.writeFile('unconfined\n');
      await pipe.close();
      await unloading;
      assert.equal(removed(), undefined);
    });

    it('nothing that no caller waits for any more', async () => {
      const caller = new AbortController();
      const loading = loader.load(profile, signal);
      const unloading = loader.unload(profile.name, caller.signal);
      caller.abort(new Error('gone'));
      await assert.rejects(unloading, /gone/);
      await loading;
      assert.equal(removed(), undefined);
    });

    it('nothing where processes of others are hidden', async () => {
      rmSync(join(node.root, 'proc/1'), { recursive: true });
      await assert.rejects(loader.unload(profile.name, signal), { kind: 'Unavailable', hint: /hidepid/, local: true });
      assert.equal(removed(), undefined);
    });

    it('nothing that is not its own', async () => {
      for (const name of ['crio-default', '', `${profile.name}\n`, `:ns:${profile.name}`, `${profile.name}//child`])
        await assert.rejects(loader.unload(name, signal), { kind: 'InvalidInput' });
      assert.equal(removed(), undefined);
    });
  });

  for (const [what, file] of Object.entries({
    'is not enabled': 'sys/module/apparmor/parameters/enabled',
    securityfs: 'sys/kernel/security/apparmor/profiles',
    apparmor_parser: 'sbin/apparmor_parser',
  })) {
    it(`reports a node without AppArmor: ${what}`, async () => {
      rmSync(join(node.root, file));
      const error = { kind: 'NotFound', message: new RegExp(what), local: true };
      await assert.rejects(loader.load(profile, signal), error);
      await assert.rejects(loader.unload(profile.name, signal), error);
      await assert.rejects(loader.list(), error);
    });
  }

  it('reports a kernel in which AppArmor is built and disabled', async () => {
    node.write('sys/module/apparmor/parameters/enabled', 'N\n');
    await assert.rejects(loader.list(), { kind: 'NotFound', message: /not enabled/ });
  });
});
