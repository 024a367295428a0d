import { execFileSync } from 'node:child_process';

/** Returns the commit that is checked out in a directory, and its time in seconds since 1970. */
export function headCommit(directory: string): { readonly commit: string; readonly epoch: number } {
  const line = execFileSync('git', ['log', '-1', '--format=%H %ct'], { cwd: directory, encoding: 'utf8' });
  const [commit = '', seconds = ''] = line.trim().split(' ');
  return { commit, epoch: Number(seconds) };
}
