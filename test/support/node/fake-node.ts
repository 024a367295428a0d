import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * A directory with the files by which a node shows AppArmor, and an apparmor_parser that is a
 * script.
 */
export class FakeNode {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
    this.write('sys/module/apparmor/parameters/enabled', 'Y\n');
    this.write('sys/kernel/security/apparmor/profiles', '');
    this.process(1, 'unconfined');
    this.parser(':');
  }

  /** Writes a file of the node. */
  write(path: string, text: string, mode = 0o644): void {
    const file = join(this.root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, { mode });
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), 'utf8');
  }

  /** Adds a process, whose threads have the given labels. */
  process(pid: number, ...labels: readonly string[]): void {
    for (const [index, label] of labels.entries())
      this.write(`proc/${pid}/task/${pid + index}/attr/apparmor/current`, `${label}\n`);
  }

  /**
   * Replaces the parser: a shell script that has the text of the profile in the file `text`, and
   * appends its arguments to the file `calls`. Unless the script does something else, it prints the
   * name of the first profile for --names, and ends with 0.
   */
  parser(script: string): void {
    const lines = [
      '#!/bin/sh',
      `cd '${this.root}'`,
      'echo "$@" >> calls',
      'cat > text',
      script,
      `case "$*" in *--names*) sed -n 's/^profile "\\(.*\\)" .*/\\1/p' text ;; esac`,
    ];
    this.write('sbin/apparmor_parser', `${lines.join('\n')}\n`, 0o755);
  }
}
