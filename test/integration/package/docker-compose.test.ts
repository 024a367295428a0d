import assert from 'node:assert/strict';
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
  readonly volumes?: readonly string[];
  readonly healthcheck: { readonly test: readonly string[] };
}

const root = fileURLToPath(new URL('../../..', import.meta.url));
const compose = parse(await readFile(join(root, 'docker-compose.yml'), 'utf8'), { merge: true });
const services = Object.entries(compose.services as Record<string, Service>);
const ours = services.flatMap(([name, { command, ...service }]) =>
  command === undefined ? [] : [{ name, words: command.split(/\s+/), ...service }],
);

/** Returns the file of this checkout that is mounted read-only at a path of a service. */
function mountedFile(volumes: readonly string[], path: unknown): string {
  const sources = volumes.map((volume) => volume.split(':')).filter(([, target]) => target === path);
  assert.deepEqual(
    sources.map(([, , mode]) => mode),
    ['ro'],
    String(path),
  );
  return join(root, sources[0]?.[0] ?? '');
}

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

  for (const { name, words, ports = [], volumes = [] } of ours) {
    it(`gives ${name} a command line that the CLI understands`, async () => {
      const options = await parseOnly(words);
      const address = options[name] as { host: string; port: number };
      assert.equal(address.host, '0.0.0.0');
      assert.ok(ports.some((port) => port.endsWith(`:${address.port}`)));
      const policy = mountedFile(volumes, options['policy']);
      const { rules } = parsePolicyDocument(await readFile(policy, 'utf8'), policy);
      assert.equal(rules[0]?.match, 'registry:5000/**');
      const [key] = rules[0]?.require[0]?.anyOf ?? [];
      const publicKey = join(dirname(policy), key?.key?.path ?? '');
      assert.equal(mountedFile(volumes, join(dirname(options['policy'] as string), key?.key?.path ?? '')), publicKey);
      if (options['key'] !== undefined) {
        assert.equal(publicKey, mountedFile(volumes, options['key']).replace(/key$/, 'pub'));
      }
    });
  }

  for (const { name, words, healthcheck } of ours) {
    it(`asks ${name} for its health where it answers probes`, async () => {
      const { host, port } = (await parseOnly(words))['health'] as { host: string; port: number };
      const [form, program, ...argv] = healthcheck.test;
      assert.deepEqual([form, program], ['CMD', 'fairlead']);
      await parseOnly(argv);
      assert.equal(argv[1], `http://${host}:${port}/readyz`);
    });
  }

  for (const { name, words, volumes = [] } of ours) {
    it(`has ${name} speak TLS with the certificate that its head makes`, async () => {
      const options = await parseOnly(words);
      const files = [mountedFile(volumes, options['tlsCert']), mountedFile(volumes, options['tlsKey'])];
      assert.deepEqual(files, [join(root, 'deploy/compose/tls.crt'), join(root, 'deploy/compose/tls.key')]);
    });
  }

  it('has the signing key in the push service only', () => {
    const holders = services.filter(([, { volumes = [] }]) =>
      volumes.some((volume) => /fairlead\.key\b|compose\/?:/.test(volume)),
    );
    assert.deepEqual(
      holders.map(([name]) => name),
      ['push'],
    );
  });

  it('uses a command line that would fail if an option were unknown', async () => {
    await assert.rejects(parseOnly(['serve', '--push', '0.0.0.0:8080', '--no-such-option']), { exitCode: 1 });
  });
});
