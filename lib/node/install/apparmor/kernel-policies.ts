import { constants } from 'node:fs';
import { access, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FairleadError } from '#lib/errors';
import { isProfileName } from './profile-name.ts';

const noAppArmor = {
  hint: 'Use AppArmor profiles on nodes with AppArmor only: a kernel with it, securityfs, and the package apparmor.',
  local: true,
} as const;

/**
 * The AppArmor policies in the kernel of this node, and the processes that they confine, as files
 * show them.
 */
export class KernelPolicies {
  readonly #root: string;

  /** @param root the directory that has /proc and /sys. */
  constructor(root = '/') {
    this.#root = root;
  }

  /**
   * Verifies that this node has AppArmor, and returns the path of apparmor_parser. Throws NotFound
   * that names what is missing.
   */
  async requireAppArmor(): Promise<string> {
    const enabled = await readFile(this.#path('sys/module/apparmor/parameters/enabled'), 'utf8').catch(absent);
    if (enabled?.trim() !== 'Y')
      throw new FairleadError('NotFound', 'AppArmor is not enabled in the kernel of this node', noAppArmor);
    if (!(await isReadable(this.#policies('profiles')))) {
      throw new FairleadError('NotFound', 'securityfs is not mounted at /sys/kernel/security on this node', {
        ...noAppArmor,
        hint: 'Mount it: mount -t securityfs securityfs /sys/kernel/security',
      });
    }
    // Where containerd looks for it, and where distributions have it.
    for (const path of ['sbin/apparmor_parser', 'usr/sbin/apparmor_parser'])
      if (await isReadable(this.#path(path))) return this.#path(path);
    throw new FairleadError('NotFound', 'apparmor_parser is not installed on this node', {
      ...noAppArmor,
      hint: 'Install the package apparmor, which has /sbin/apparmor_parser.',
    });
  }

  /** Returns the names of the loaded profiles that are Fairlead's, in order. */
  async ours(): Promise<readonly string[]> {
    const text = await readFile(this.#policies('profiles'), 'utf8');
    return text
      .split('\n')
      .map((line) => line.replace(/ \([a-z]+\)$/, ''))
      .filter(isProfileName)
      .toSorted();
  }

  /**
   * Returns the id of a process that a profile confines, alone or in a stack; undefined if it
   * confines no process. Throws Unavailable if processes are hidden from this one.
   */
  async confinedBy(name: string): Promise<number | undefined> {
    const entries = (await readdir(this.#path('proc'))).filter((entry) => /^\d+$/.test(entry));
    if (!entries.includes('1')) {
      throw new FairleadError('Unavailable', 'the processes of other users are hidden from this one in /proc', {
        hint: 'Mount /proc without hidepid=, or with hidepid=invisible,gid=0.',
        local: true,
      });
    }
    for (const pid of entries) {
      // Threads may be confined in different ways.
      const tasks = await readdir(this.#path(`proc/${pid}/task`)).catch(absent);
      for (const task of tasks ?? []) {
        const label = await this.#labelOf(`proc/${pid}/task/${task}`);
        if (label !== undefined && isIn(name, label)) return Number(pid);
      }
    }
    return undefined;
  }

  /** Unloads a profile; returns whether it was loaded. */
  async remove(name: string): Promise<boolean> {
    try {
      await writeFile(this.#policies('.remove'), name);
      return true;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return false;
      throw error;
    }
  }

  /** Returns the label of a task; undefined if it has ended. */
  async #labelOf(task: string): Promise<string | undefined> {
    // With several security modules, the second file may be of another one.
    const own = await readFile(this.#path(`${task}/attr/apparmor/current`), 'utf8').catch(absent);
    return own ?? (await readFile(this.#path(`${task}/attr/current`), 'utf8').catch(absent));
  }

  #policies(file: string): string {
    return this.#path(`sys/kernel/security/apparmor/${file}`);
  }

  #path(path: string): string {
    return join(this.#root, path);
  }
}

/** Reports whether a label, `a (enforce)` or a stack `a//&b (complain)`, contains a profile. */
function isIn(name: string, label: string): boolean {
  const profiles = label
    .trim()
    .replace(/ \([a-z]+\)$/, '')
    .split('//&');
  return profiles.some((profile) => profile === name || profile.startsWith(`${name}//`));
}

async function isReadable(path: string): Promise<boolean> {
  return access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
}

/** Returns undefined for a file that does not exist, or a process that has ended. */
function absent(error: unknown): undefined {
  if (['ENOENT', 'ENOTDIR', 'ESRCH'].includes(codeOf(error) ?? '')) return undefined;
  throw error;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
