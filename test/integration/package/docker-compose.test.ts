import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { buildProgram } from '#cli/main';
import { parsePolicyDocument } from '#lib/trust/policy/parse-policy-document';

interface Service {
  readonly command?: string;
  readonly ports?: readonly string[];
}

const root = fileURLToPath(new URL('../../..', import.meta.url));
const compose = parse(await readFile(join(root, 'docker-compose.yml'), 'utf8'), { merge: true });
const services = Object.entries(compose.services as Record<string, Service>);
const ours = services.flatMap(([name, { command, ports = [] }]) =>
  command === undefined ? [] : [{ name, words: command.split(/\s+/), ports }],
);

/** Parses a command line of fairlead without running it; gives the options that its command got. */
async function parseOnly(argv: readonly string[]): Promise<Record<string, unknown>> {
  const program = await buildProgram(argv);
  const command = program.commands.find((each) => each.name() === argv[0]);
  assert.ok(command, `no command ${argv[0]}`);
  command.action(() => {});
  await program.parseAsync(argv, { from: 'user' });
  return command.opts();
}

describe('docker-compose.yml', () => {
  it('runs a registry and both services', () => {
    assert.deepEqual(services.map(([name]) => name).sort(), ['pull', 'push', 'registry']);
    assert.deepEqual(ours.map(({ name }) => name).sort(), ['pull', 'push']);
  });

  for (const { name, words, ports } of ours) {
    it(`gives ${name} a command line that the CLI understands`, async () => {
      const [node, launcher = '', ...argv] = words;
      assert.equal(node, 'node');
      assert.ok(existsSync(join(root, launcher)), launcher);
      const options = await parseOnly(argv);
      const address = options[name] as { host: string; port: number };
      assert.equal(address.host, '0.0.0.0');
      assert.ok(ports.some((port) => port.endsWith(`:${address.port}`)));
      const policy = join(root, options['policy'] as string);
      const { rules } = parsePolicyDocument(await readFile(policy, 'utf8'), policy);
      assert.equal(rules[0]?.match, 'registry:5000/**');
      const [key] = rules[0]?.require[0]?.anyOf ?? [];
      if (options['key'] !== undefined) {
        assert.equal(
          join(dirname(policy), key?.key?.path ?? ''),
          join(root, options['key'] as string).replace(/key$/, 'pub'),
        );
      }
    });
  }

  it('uses a command line that would fail if an option were unknown', async () => {
    await assert.rejects(parseOnly(['serve', '--push', '0.0.0.0:8080', '--no-such-option']), { exitCode: 1 });
  });
});
