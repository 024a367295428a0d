import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

/**
 * Reads `GITHUB_OUTPUT` or `GITHUB_ENV` as the runner does: `name=value`, or lines up to a
 * delimiter.
 */
export async function readVariables(file: string): Promise<Record<string, string>> {
  const lines = (await readFile(file, 'utf8')).split('\n');
  const found: Record<string, string> = {};
  while (lines.length > 0) {
    const line = lines.shift() ?? '';
    if (line === '') continue;
    const [, name = '', delimiter] = /^([^=<]+)<<(.+)$/.exec(line) ?? [];
    if (delimiter !== undefined) {
      const end = lines.indexOf(delimiter);
      assert.notEqual(end, -1, `no end of ${name}`);
      found[name] = lines.splice(0, end).join('\n');
      lines.shift();
      continue;
    }
    const equals = line.indexOf('=');
    assert.ok(equals > 0, `invalid line ${JSON.stringify(line)}`);
    found[line.slice(0, equals)] = line.slice(equals + 1);
  }
  return found;
}

/** An annotation of a file, or a command of another kind. */
export interface WorkflowCommand {
  readonly command: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly message: string;
}

/** Finds the commands in what a step prints, as the runner does. */
export function commandsIn(output: string): readonly WorkflowCommand[] {
  return output.split(/\r?\n/).flatMap((line) => {
    const [, command, properties = '', message = ''] = /^\s*::([\w-]+)(?: ([^:]*?))?::(.*)$/.exec(line) ?? [];
    if (command === undefined) return [];
    const pairs = properties.split(',').flatMap((pair) => {
      const equals = pair.indexOf('=');
      return equals < 1 ? [] : [[pair.slice(0, equals).trim(), unescaped(pair.slice(equals + 1), true)] as const];
    });
    return [{ command, properties: Object.fromEntries(pairs), message: unescaped(message, false) }];
  });
}

function unescaped(text: string, isProperty: boolean): string {
  const codes: Record<string, string> = {
    '%0D': '\r',
    '%0A': '\n',
    '%25': '%',
    ...(isProperty && { '%3A': ':', '%2C': ',' }),
  };
  return text.replace(/%(?:0D|0A|25|3A|2C)/g, (code) => codes[code] ?? code);
}
