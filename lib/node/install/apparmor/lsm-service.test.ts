import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { FairleadError } from '#lib/errors';
import type { AppArmorLoader } from './loader.ts';
import { LsmClient } from './lsm-client.ts';
import { profilePath } from './lsm-protocol.ts';
import { createLsmService, warnWithoutAppArmor } from './lsm-service.ts';
import { renderForNode } from './render.ts';

const profile = renderForNode({ mode: 'Enforce' });
const { signal } = new AbortController();

describe('warnWithoutAppArmor', () => {
  const warningsOf = async (requireAppArmor: () => Promise<void>) => {
    const warnings: unknown[] = [];
    await warnWithoutAppArmor({
      loader: { requireAppArmor },
      logger: { warn: (...of: unknown[]) => warnings.push(of) },
    });
    return warnings;
  };

  it('logs what is missing, and what to do', async () => {
    const missing = new FairleadError('NotFound', 'apparmor_parser is not installed', { hint: 'Install it.' });
    assert.deepEqual(await warningsOf(() => Promise.reject(missing)), [
      [
        { messageId: 'fairlead.apparmor.missing', hint: 'Install it.' },
        'no profile can be loaded: apparmor_parser is not installed',
      ],
    ]);
  });

  it('logs nothing where AppArmor is enabled', async () => {
    assert.deepEqual(await warningsOf(() => Promise.resolve()), []);
  });
});

describe('the service that loads AppArmor profiles, and its client', () => {
  let directory: string;
  let socket: string;
  let client: LsmClient;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'fairlead-lsm-'));
    socket = join(directory, 'lsm.sock');
    client = new LsmClient(socket);
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  describe('that runs', () => {
    let calls: unknown[];
    let answer: (signal: AbortSignal) => Promise<void>;
    let service: FastifyInstance;
    beforeEach(async () => {
      calls = [];
      answer = async () => undefined;
      const loader: AppArmorLoader = {
        load: (loaded, ending) => {
          calls.push(loaded);
          return answer(ending);
        },
        unload: (name, ending) => {
          calls.push(name);
          return answer(ending);
        },
        list: async () => [profile.name],
      };
      service = await createLsmService({ loader, logger: pino({ level: 'silent' }) });
      await service.listen({ path: socket });
    });
    afterEach(() => service.close());

    it('passes calls on to the loader, with texts of up to 1 MiB', async () => {
      const large = { name: profile.name, text: 'x'.repeat(1024 * 1024) };
      await client.load(profile, signal);
      await client.load(large, signal);
      await client.unload(profile.name, signal);
      assert.deepEqual(await client.list(signal), [profile.name]);
      assert.deepEqual(calls, [profile, large, profile.name]);
    });

    it('passes on any name as it is', async () => {
      for (const name of [':ns://a/../b?c#d e', 'crio-default', '..']) await client.unload(name, signal);
      assert.deepEqual(calls, [':ns://a/../b?c#d e', 'crio-default', '..']);
    });

    it('answers with the errors of the loader', async () => {
      answer = async () => {
        throw new FairleadError('Conflict', 'process 1 is confined', { hint: 'Wait.' });
      };
      const error = {
        name: 'FairleadError',
        kind: 'Conflict',
        message: 'process 1 is confined',
        hint: 'Wait.',
        local: true,
      };
      await assert.rejects(client.load(profile, signal), error);
      await assert.rejects(client.unload(profile.name, signal), error);
    });

    it('shows nothing of an error that is a bug', async () => {
      answer = async () => {
        throw new TypeError('secret');
      };
      await assert.rejects(client.load(profile, signal), {
        kind: 'Unavailable',
        message: /HTTP status 500/,
        hint: /journalctl -u fairlead-lsm\.service/,
      });
    });

    it('refuses texts of more than 1 MiB, and goes on', async () => {
      const long = 'x'.repeat(1024 * 1024 + 1);
      await assert.rejects(client.load({ name: profile.name, text: long }, signal), { kind: 'LimitExceeded' });
      await client.load(profile, signal);
      assert.deepEqual(calls, [profile]);
    });

    it('ends the work for a caller that gives up', async () => {
      const begun = Promise.withResolvers<void>();
      const ended = Promise.withResolvers<void>();
      answer = (ending) => {
        begun.resolve();
        ending.addEventListener('abort', () => ended.resolve());
        return ended.promise;
      };
      const caller = new AbortController();
      const loading = client.load(profile, caller.signal);
      await begun.promise;
      const reason = new Error('gone');
      caller.abort(reason);
      await assert.rejects(loading, reason);
      await ended.promise;
    });

    it('serves more calls at a time than it has connections', async () => {
      await Promise.all(Array.from({ length: 100 }, () => client.load(profile, signal)));
      assert.equal(calls.length, 100);
    });

    it('gets at most 8 calls at a time from a client', async () => {
      const all = Promise.withResolvers<void>();
      const eight = Promise.withResolvers<void>();
      answer = () => {
        if (calls.length === 8) eight.resolve();
        return all.promise;
      };
      const loads = Array.from({ length: 20 }, () => client.load(profile, signal));
      await eight.promise;
      // A call by another client comes after all that the first one has sent.
      await new LsmClient(socket).list(signal);
      assert.equal(calls.length, 8);
      all.resolve();
      await Promise.all(loads);
      assert.equal(calls.length, 20);
    });

    it('refuses connections beyond 32', async () => {
      const held = Array.from({ length: 32 }, () => connect(socket));
      await Promise.all(held.map((connection) => once(connection, 'connect')));
      try {
        await assert.rejects(client.list(signal), { kind: 'Unavailable' });
      } finally {
        for (const connection of held) connection.destroy();
      }
    });

    it('refuses what is not the text of a profile', async () => {
      const sent = request({
        ...{ socketPath: socket, method: 'PUT', path: profilePath(profile.name) },
        headers: { 'content-type': 'application/json' },
      });
      sent.end('{"text": "x"}');
      const [response] = (await once(sent, 'response')) as [IncomingMessage];
      assert.equal(response.statusCode, 400);
      assert.match(await text(response), /want the text of a profile as text\/plain/);
      assert.deepEqual(calls, []);
    });
  });

  it('report that the service is not there, and what to do', async () => {
    const absent = {
      kind: 'Unavailable',
      message: /no loader.*listens on .*lsm\.sock/,
      hint: /systemctl/,
      local: true,
    };
    await assert.rejects(client.load(profile, signal), absent);
    await assert.rejects(client.list(signal), absent);
  });

  describe('with another server at its socket', () => {
    let server: Server;
    const serve = (reply: string): Promise<void> => {
      server = createServer((connection) => {
        connection.on('error', () => undefined);
        connection.once('data', () => connection.end(reply));
      });
      return new Promise((resolve) => server.listen(socket, resolve));
    };
    afterEach(() => server.close());

    for (const [what, reply] of Object.entries({
      'closes the connection': '',
      'speaks another protocol': 'hello\n',
      'answers with another document': 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]',
      'answers with names that are no text': 'HTTP/1.1 200 OK\r\ncontent-length: 16\r\n\r\n{"profiles":[1]}',
      'answers with an error that is no problem': 'HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n',
      'answers with an error of no kind':
        'HTTP/1.1 400 Bad\r\ncontent-length: 35\r\n\r\n{"kind":"toString","detail":"lies"} ',
    })) {
      it(`report one that ${what}`, async () => {
        await serve(reply);
        await assert.rejects(client.list(signal), { kind: 'Unavailable', hint: /journalctl/, local: true });
      });
    }

    it('read no endless answer', async () => {
      await serve(`HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(5 * 1024 * 1024)}`);
      await assert.rejects(client.list(signal), { kind: 'LimitExceeded' });
    });
  });
});
