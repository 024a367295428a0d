import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { peer } from '#test/peers/peer';
import { describePeers } from '#test/peers/require';
import { buildPackages } from '#test/support/release/stand-in-packages';
import { architectures } from '../../../tools/release/release.ts';

/** How a package manager is used on a root file system. */
interface Packager {
  readonly name: string;
  readonly choose: (built: { readonly deb: string; readonly rpm: string }) => string;
  readonly install: (root: string, file: string) => void;
  readonly upgrade: (root: string, file: string) => void;
  /** Installs an older version over a newer one. */
  readonly rollBack: (root: string, file: string) => void;
  readonly remove: (root: string) => void;
  readonly purge?: (root: string) => void;
  /** What a removal leaves of the settings. */
  readonly settings: readonly string[];
}

const inRoot = (root: string, command: readonly string[]): string =>
  execFileSync('chroot', [root, ...command], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

const dpkg: Packager = {
  name: 'dpkg',
  choose: ({ deb }) => deb,
  install: (root, file) => inRoot(root, ['dpkg', '-i', file]),
  // Without it dpkg asks what to do with a setting that both sides changed.
  upgrade: (root, file) => inRoot(root, ['dpkg', '--force-confold', '-i', file]),
  rollBack: (root, file) => inRoot(root, ['dpkg', '--force-confold', '-i', file]),
  remove: (root) => inRoot(root, ['dpkg', '-r', 'fairlead']),
  purge: (root) => inRoot(root, ['dpkg', '-P', 'fairlead']),
  settings: [
    '/etc/default/fairlead-lsm',
    ...['/etc/default/fairlead-pull', '/etc/default/fairlead-pull.dpkg-dist'],
    ...['/etc/default/fairlead-push', '/etc/default/fairlead-shim'],
  ],
};

/** Runs the host's rpm on the root, whose database has no package of Debian. */
function runRpm(root: string, args: readonly string[]): void {
  const options = ['--root', root, '--dbpath', '/var/lib/rpm', '--nodeps'];
  execFileSync(peer('rpm'), [...options, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
}

const rpm: Packager = {
  name: 'rpm',
  choose: (built) => built.rpm,
  install: (root, file) => runRpm(root, ['--force-debian', '-i', join(root, file)]),
  upgrade: (root, file) => runRpm(root, ['--force-debian', '-U', '--replacepkgs', join(root, file)]),
  rollBack: (root, file) => runRpm(root, ['--force-debian', '-U', '--oldpackage', join(root, file)]),
  remove: (root) => runRpm(root, ['-e', 'fairlead']),
  settings: ['/etc/default/fairlead-pull.rpmnew', '/etc/default/fairlead-pull.rpmsave'],
};

/**
 * Returns the paths in a root, without the records of the package managers. Links are not followed,
 * unlike by a recursive readdir: /var/run leads to the /run of the host, where other tests start
 * containers.
 */
function contents(root: string, path = '/'): string[] {
  return readdirSync(join(root, path), { withFileTypes: true })
    .flatMap((entry) => {
      const each = join(path, entry.name);
      if (/^\/(?:tmp|var\/lib\/(?:dpkg|rpm)|var\/log\/dpkg\.log)$/.test(each)) return [];
      return entry.isDirectory() ? [each, ...contents(root, each)] : [each];
    })
    .toSorted();
}

/** Returns the paths that are new since the root was blank. */
function added(blank: readonly string[], now: readonly string[]): string[] {
  const known = new Set(blank);
  return now.filter((path) => !known.has(path));
}

const program = (version: string): string => `#!/bin/sh\necho ${version}\n`;

describePeers(['dpkg-deb', 'rpm', 'rpmbuild', 'debian-root', 'root'], 'the packages', () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'fairlead-packages-'));
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  for (const architecture of architectures) {
    it(`are the same bytes from two builds of the same files, for ${architecture}`, async () => {
      const build = async (name: string): Promise<Buffer[]> => {
        const { deb, rpm } = await buildPackages({
          directory: join(directory, `${name}-${architecture}`),
          version: '1.0.0-rc.1',
          program: program('1.0.0-rc.1'),
          architecture,
        });
        assert.match(basename(deb), /^fairlead_1\.0\.0~rc\.1_a(?:md|rm)64\.deb$/);
        assert.match(basename(rpm), /^fairlead-1\.0\.0~rc\.1-1\.(?:x86_64|aarch64)\.rpm$/);
        const tags = ['ARCH', 'OS', 'PLATFORM', 'BUILDHOST', 'BUILDTIME', 'SOURCERPM']
          .map((tag) => `%{${tag}}`)
          .join(' ');
        assert.match(
          execFileSync(peer('rpm'), ['-qp', '--qf', tags, rpm], { encoding: 'utf8' }),
          /^(x86_64|aarch64) linux \1-unknown-linux localhost 1700000000 fairlead-1\.0\.0~rc\.1-1\.src\.rpm$/,
        );
        return [readFileSync(deb), readFileSync(rpm)];
      };
      const first = await build('first');
      const { TZ, LC_ALL } = process.env;
      const mask = process.umask(0o077);
      Object.assign(process.env, { TZ: 'Asia/Tokyo', LC_ALL: 'C' });
      try {
        assert.ok((await build('another')).every((bytes, index) => bytes.equals(first[index] ?? Buffer.of())));
      } finally {
        process.umask(mask);
        for (const [name, value] of Object.entries({ TZ, LC_ALL })) {
          if (value === undefined) delete process.env[name];
          else process.env[name] = value;
        }
      }
    });
  }

  for (const packager of [dpkg, rpm]) {
    describe(`for ${packager.name}, on a blank Debian`, () => {
      let root: string;
      let blank: readonly string[];
      const run = (command: readonly string[]): string => inRoot(root, command);
      before(async () => {
        root = join(directory, packager.name);
        mkdirSync(root);
        execFileSync('tar', ['-xf', peer('debian-root'), '-C', root]);
        blank = contents(root);
        for (const version of ['1.0.0-rc.1', '1.0.0']) {
          const built = await buildPackages({
            directory: join(directory, version),
            version,
            program: program(version),
            files: (files) =>
              files.map((file) =>
                file.path === 'etc/default/fairlead-pull'
                  ? { ...file, source: Buffer.from(`# of ${version}\n`) }
                  : file,
              ),
          });
          copyFileSync(packager.choose(built), join(root, `tmp/${version}`));
        }
      });

      it('install the program, and enable no unit', () => {
        packager.install(root, '/tmp/1.0.0-rc.1');
        for (const name of ['fairlead', 'kubectl-fairlead']) assert.equal(run([name]), '1.0.0-rc.1\n');
        assert.deepEqual(
          readdirSync(join(root, 'usr/lib/systemd/system')).filter((name) => name.startsWith('fairlead')),
          [
            ...['fairlead-lsm.service', 'fairlead-lsm.socket'],
            ...['fairlead-pull.service', 'fairlead-push.service'],
            ...['fairlead-shim.service', 'fairlead-shim.socket'],
          ],
        );
        assert.deepEqual(
          added(blank, contents(root)).filter((path) => path.startsWith('/etc/systemd/')),
          [],
        );
        assert.equal(existsSync(join(root, 'etc/fairlead')), false);
        for (const path of added(blank, contents(root))) {
          const status = lstatSync(join(root, path));
          const { uid, gid } = status;
          // The mode of a link permits all users to write, and has no effect.
          const writable = status.isSymbolicLink() ? 0 : status.mode & 0o7022;
          assert.deepEqual({ path, uid, gid, writable }, { path, uid: 0, gid: 0, writable: 0 });
        }
      });

      it('are upgraded, and keep changed settings', () => {
        writeFileSync(join(root, 'etc/default/fairlead-pull'), 'FAIRLEAD_OPTIONS=--plain-http\n');
        packager.upgrade(root, '/tmp/1.0.0');
        assert.equal(run(['fairlead']), '1.0.0\n');
        assert.equal(readFileSync(join(root, 'etc/default/fairlead-pull'), 'utf8'), 'FAIRLEAD_OPTIONS=--plain-http\n');
      });

      it('are rolled back, and keep changed settings', () => {
        packager.rollBack(root, '/tmp/1.0.0-rc.1');
        assert.equal(run(['fairlead']), '1.0.0-rc.1\n');
        assert.equal(readFileSync(join(root, 'etc/default/fairlead-pull'), 'utf8'), 'FAIRLEAD_OPTIONS=--plain-http\n');
        packager.upgrade(root, '/tmp/1.0.0');
        assert.equal(run(['fairlead']), '1.0.0\n');
      });

      it('do the same when they are installed again', () => {
        const before = contents(root);
        packager.upgrade(root, '/tmp/1.0.0');
        assert.deepEqual(contents(root), before);
      });

      it('are removed, and leave the policy, keys, state and changed settings', () => {
        mkdirSync(join(root, 'etc/fairlead'));
        writeFileSync(join(root, 'etc/fairlead/policy.yaml'), 'rules: []\n');
        writeFileSync(join(root, 'etc/fairlead/push.key'), 'secret\n');
        mkdirSync(join(root, 'var/lib/fairlead/blobs'), { recursive: true });
        packager.remove(root);
        assert.deepEqual(added(blank, contents(root)), [
          ...packager.settings,
          ...['/etc/fairlead', '/etc/fairlead/policy.yaml', '/etc/fairlead/push.key'],
          ...['/var/lib/fairlead', '/var/lib/fairlead/blobs'],
        ]);
      });

      if (packager.purge !== undefined) {
        it('are purged with state and settings, and leave the policy and keys', () => {
          mkdirSync(join(root, 'var/cache/private/fairlead-push/tuf'), { recursive: true });
          mkdirSync(join(root, 'var/log/private/fairlead-pull'), { recursive: true });
          packager.purge?.(root);
          assert.deepEqual(
            added(blank, contents(root)).filter((path) => !path.endsWith('/private')),
            ['/etc/fairlead', '/etc/fairlead/policy.yaml', '/etc/fairlead/push.key'],
          );
        });
      }
    });
  }
});
