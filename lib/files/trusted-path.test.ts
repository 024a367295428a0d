import assert from 'node:assert/strict';
import { chmod, lchown, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { requireTrustedPath } from './trusted-path.ts';

const needsRoot = process.getuid?.() === 0 ? false : 'chown needs root';

describe('a trusted path', () => {
  let directory: string;
  let file: string;
  beforeEach(async () => {
    directory = await realpath(await mkdtemp(join(tmpdir(), 'fairlead-trusted-')));
    await mkdir(join(directory, 'a', 'b'), { recursive: true });
    file = join(directory, 'a', 'b', 'file');
    await writeFile(file, '', { mode: 0o644 });
  });
  afterEach(() => rm(directory, { recursive: true }));

  async function refused(path: string, names: string, hint: RegExp): Promise<void> {
    await assert.rejects(requireTrustedPath(path), (error: Error & { kind?: string; hint?: string }) => {
      assert.equal(error.kind, 'InvalidInput');
      assert.ok(error.message.includes(`can change ${path}: ${names} `), error.message);
      assert.match(error.hint ?? '', hint);
      return true;
    });
  }

  it('is one that only root and this user can change, also below a sticky directory', async () => {
    await requireTrustedPath(file);
    await requireTrustedPath(join(directory, 'a'));
    await chmod(directory, 0o1777);
    await requireTrustedPath(file);
    await requireTrustedPath(join(directory, 'a', 'missing', 'file'));
    await requireTrustedPath(join(file, 'below'));
  });

  it('has nothing on it that others may write to', async () => {
    for (const [name, good] of [
      ['a/b/file', 0o644],
      ['a/b', 0o755],
      ['a', 0o755],
      ['', 0o755],
    ] as const) {
      const path = join(directory, name);
      for (const extra of [0o002, 0o020, 0o022]) {
        await chmod(path, good | extra);
        await refused(file, path, new RegExp(`chmod go-w ${path}$`));
        await refused(join(directory, 'a', 'b', 'file'), path, /chmod/);
      }
      await chmod(path, good);
    }
    await requireTrustedPath(file);
    await chmod(file, 0o1666);
    await refused(file, file, /chmod/);
  });

  it('has nothing on it that another user owns', { skip: needsRoot }, async () => {
    for (const name of ['a/b/file', 'a/b', 'a', '']) {
      const path = join(directory, name);
      await lchown(path, 65534, 0);
      await refused(file, path, new RegExp(`chown root ${path}$`));
      await lchown(path, 0, 0);
    }
  });

  it('is verified behind each link on it, relative, absolute and of directories, and so are the links', async () => {
    const [link, directoryLink] = [join(directory, 'link'), join(directory, 'directory-link')];
    await symlink('a/../directory-link/file', link);
    await symlink(join(directory, 'a', 'b'), directoryLink);
    await requireTrustedPath(link);
    for (const name of ['a/b/file', 'a/b', 'a']) {
      const path = join(directory, name);
      await chmod(path, 0o777);
      await refused(link, path, /chmod/);
      await chmod(path, 0o755);
    }
    if (needsRoot === false) {
      for (const each of [link, directoryLink]) {
        await lchown(each, 65534, 0);
        await refused(link, each, /chown/);
        await lchown(each, 0, 0);
      }
    }
    // Behind a link, `..` is the directory above its target.
    await mkdir(join(directory, 'other', 'below'), { recursive: true });
    await symlink(join(directory, 'other', 'below'), join(directory, 'a', 'away'));
    await chmod(join(directory, 'other'), 0o777);
    const away = `${directory}/a/away/../file`;
    await refused(away, join(directory, 'other'), /chmod/);
    await symlink('circle', join(directory, 'circle'));
    await requireTrustedPath(join(directory, 'circle'));
  });
});
