import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { describe, it } from 'node:test';
import { fastify } from 'fastify';
import { FairleadError } from '#lib/errors';
import { formatListenAddress, listen, parseListenAddress } from './listen-address.ts';

describe('parseListenAddress', () => {
  for (const [text, host, port] of [
    ['127.0.0.1:8080', '127.0.0.1', 8080],
    ['localhost:0', 'localhost', 0],
    ['0.0.0.0:65535', '0.0.0.0', 65_535],
    ['[::]:9443', '::', 9443],
    ['[::ffff:127.0.0.1]:1', '::ffff:127.0.0.1', 1],
  ] as const) {
    it(`reads ${text}, as formatListenAddress prints it`, () => {
      assert.deepEqual(parseListenAddress(text), { host, port });
      assert.equal(formatListenAddress({ host, port }), text);
    });
  }

  for (const text of [
    '',
    '9443',
    ':9443',
    'host',
    'host:',
    'host:x',
    '127.0.0.1:65536',
    '::1:9443',
    '[::1]',
    '[host]:1',
    '[]:1',
    'a b:1',
    'a:1\n',
    `${'x'.repeat(10_000)}:`,
  ]) {
    it(`refuses ${JSON.stringify(text.slice(0, 20))}`, () => {
      assert.throws(
        () => parseListenAddress(text),
        (thrown) =>
          thrown instanceof FairleadError &&
          thrown.kind === 'InvalidInput' &&
          thrown.message.length < 300 &&
          /^invalid listen address ".*": want host:port/.test(thrown.message),
      );
    });
  }
});

describe('listen', () => {
  for (const [protocol, serverFactory] of [
    ['http', () => createServer()],
    ['https', () => createSecureServer()],
  ] as const) {
    it(`logs the address of a server of Fastify with ${protocol}`, async () => {
      const logged: string[] = [];
      const stream = { write: (line: string) => void logged.push(JSON.parse(line).msg) };
      const server = fastify({ logger: { stream }, serverFactory });
      const bound = await listen(server, parseListenAddress('127.0.0.1:0'));
      await server.close();
      assert.deepEqual(logged, [`Server listening at ${protocol}://${formatListenAddress(bound)}`]);
    });
  }

  for (const [name, make] of [
    ['Fastify', () => fastify()],
    ['Node', () => createServer()],
  ] as const) {
    it(`returns where a server of ${name} listens, and reports an address that is in use`, async () => {
      const server = make();
      const other = make();
      const bound = await listen(server, parseListenAddress('127.0.0.1:0'));
      try {
        assert.notEqual(bound.port, 0);
        await assert.rejects(listen(other, bound, 'metrics'), (thrown) => {
          assert.ok(thrown instanceof FairleadError);
          assert.equal(thrown.kind, 'Unavailable');
          assert.match(thrown.message, /^cannot listen on 127\.0\.0\.1:\d+ for metrics: .*EADDRINUSE/);
          return true;
        });
      } finally {
        server.close();
        other.close();
      }
    });
  }
});
