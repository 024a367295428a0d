import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A git repository with a work tree, in which people work and merge. */
export class GitRepository {
  readonly directory: string;

  /** Creates it on the branch main, without a commit. */
  constructor(directory: string) {
    this.directory = directory;
    mkdirSync(directory, { recursive: true });
    this.git('init', '--quiet', '--initial-branch=main');
    // As on a hosting service, any commit can be fetched.
    this.git('config', 'uploadpack.allowAnySHA1InWant', 'true');
  }

  git(...args: string[]): string {
    const identity = ['-c', 'user.name=Dev', '-c', 'user.email=dev@acme.example', '-c', 'commit.gpgsign=false'];
    return execFileSync('git', [...identity, ...args], { cwd: this.directory, encoding: 'utf8', stdio: 'pipe' }).trim();
  }

  /** Writes files and removes those that are undefined. */
  write(files: Readonly<Record<string, string | undefined>>): void {
    for (const [name, text] of Object.entries(files)) {
      const path = join(this.directory, name);
      if (text === undefined) rmSync(path);
      else {
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, text);
      }
    }
  }

  /** Commits everything; returns the commit. */
  commit(message: string): string {
    this.git('add', '--all');
    this.git('commit', '--quiet', '--message', message);
    return this.git('rev-parse', 'HEAD');
  }

  /** Commits changes on a new branch of main, and returns to main. */
  branch(name: string, files: Readonly<Record<string, string | undefined>>): string {
    this.git('checkout', '--quiet', '-b', name, 'main');
    this.write(files);
    const commit = this.commit(name);
    this.git('checkout', '--quiet', 'main');
    return commit;
  }

  /**
   * Merges a branch into main as a hosting service does: for a pull request, to try it, on no
   * branch; else on main. Returns the merge.
   */
  merge(name: string, { trial }: { readonly trial: boolean }): string {
    if (trial) this.git('checkout', '--quiet', '--detach', 'main');
    this.git('merge', '--quiet', '--no-ff', '--message', `merge ${name}`, name);
    const commit = this.git('rev-parse', 'HEAD');
    if (trial) {
      this.git('update-ref', `refs/pull/${name}/merge`, commit);
      this.git('checkout', '--quiet', 'main');
    }
    return commit;
  }
}
