import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { memoryRepository } from '#lib/registry/memory';
import type { Repository } from '#lib/registry/target';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/keys/key';
import { maxArtifactBytes } from '#lib/trust/policy/node-policy';
import { type KeySigner, keySigner } from '#lib/trust/sign/key-signer';
import { Authenticator } from '#services/callers/authenticator';
import { parseAuthorization } from '#services/callers/parse-authorization';
import { RateLimit } from '#services/callers/rate-limit';
import { openAuditLog } from '#services/push/audit-log';
import { createPushServer, type PushServerOptions } from '#services/push/server';
import { audience, startTokenIssuer, type TokenIssuer } from './token-issuer.ts';

/** A field of a form. */
export type Part = readonly [name: string, value: string | Uint8Array];

/** Returns a profile that allows these calls. */
export function profile(...calls: string[]): string {
  return JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names: calls, action: 'SCMP_ACT_ALLOW' }] });
}

/** Returns the reference of a tag in a repository that the caller may publish to. */
export function name(tag: string): string {
  return `registry.example.com/security/nginx:${tag}`;
}

/** Returns a signer with a new key. */
export async function newSigner(): Promise<KeySigner> {
  return keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
}

/** A push service with a registry in memory, and a caller with a token of an issuer. */
export class PublishingSite {
  readonly issuer: TokenIssuer;
  /** Signs for the service. */
  readonly service: KeySigner;
  /** Signs for the caller. */
  readonly caller: KeySigner;
  /** The header of the caller. */
  readonly authorization: string;
  /** How many manifests and blobs were sent to the registry. */
  pushed = 0;
  target: Repository = memoryRepository();
  readonly #directory: string;
  #running: { app: FastifyInstance; options: PushServerOptions } | undefined;

  private constructor(given: {
    readonly issuer: TokenIssuer;
    readonly service: KeySigner;
    readonly caller: KeySigner;
    readonly authorization: string;
    readonly directory: string;
  }) {
    this.issuer = given.issuer;
    this.service = given.service;
    this.caller = given.caller;
    this.authorization = given.authorization;
    this.#directory = given.directory;
  }

  static async start(): Promise<PublishingSite> {
    const directory = await mkdtemp(join(tmpdir(), 'fairlead-publications-'));
    const [issuer, service, caller] = await Promise.all([startTokenIssuer(), newSigner(), newSigner()]);
    const authorization = `Bearer ${await issuer.sign({ repository: 'example/app', secret: 'not recorded' })}`;
    return new PublishingSite({ directory, issuer, service, caller, authorization });
  }

  async stop(): Promise<void> {
    await this.issuer.stop();
    await rm(this.#directory, { recursive: true });
  }

  get app(): FastifyInstance {
    assert.ok(this.#running, 'call reset first');
    return this.#running.app;
  }

  get options(): PushServerOptions {
    assert.ok(this.#running, 'call reset first');
    return this.#running.options;
  }

  /** Begins with an empty registry and audit log. */
  async reset(): Promise<void> {
    const memory = memoryRepository();
    this.pushed = 0;
    this.target = {
      ...memory,
      push: (...args) => {
        this.pushed++;
        return memory.push(...args);
      },
    };
    await rm(join(this.#directory, 'audit'), { force: true });
    const audit = await openAuditLog(join(this.#directory, 'audit'), { now: () => new Date(0), onError: assert.fail });
    const text = `apiVersion: fairlead.dev/v1
kind: Authorization
issuers: [{issuer: "${this.issuer.url}"}]
rules:
  - issuer: ${this.issuer.url}
    claims: {repository: example/app}
    verbs: [publish]
    repositories: [registry.example.com/security/*]
`;
    const rules = { current: parseAuthorization(text, 'authorization.yaml') };
    await this.serve({
      version: '0',
      logger: pino({ level: 'silent' }),
      authenticator: new Authenticator({ audience, authorization: rules }),
      authorization: rules,
      audit,
      rateLimit: new RateLimit({ perMinute: 20, now: () => 0 }),
      policy: {
        current: {
          source: 'policy.yaml',
          rules: [
            {
              match: 'registry.example.com/**',
              unsigned: false,
              require: [
                {
                  anyOf: [this.service, this.caller].map(({ key: { publicKey } }, at) => ({
                    key: `${at}.pub`,
                    publicKey,
                  })),
                },
              ],
            },
          ],
          baseline: { seccomp: 'RuntimeDefault', apparmor: 'RuntimeDefault' },
          limits: { artifactBytes: maxArtifactBytes, entriesPerSyscall: 4096 },
          revision: '1',
        },
        inForce: true,
      },
      connect: () => this.target,
      signer: this.service,
    });
  }

  /** Serves with other options from now on. */
  async serve(options: PushServerOptions): Promise<void> {
    this.#running = { app: await createPushServer(options), options };
  }

  /** Sends a form; profiles and bundles in it are files. */
  async post(parts: readonly Part[], url = '/v1/publications') {
    const form = new FormData();
    for (const [field, value] of parts) {
      if (field === 'profile' || field === 'bundle') form.append(field, new Blob([value as string]), `${field}.json`);
      else form.append(field, value as string);
    }
    const response = new Response(form);
    const headers = {
      'content-type': response.headers.get('content-type') ?? '',
      authorization: this.authorization,
    };
    return this.app.inject({ method: 'POST', url, headers, payload: Buffer.from(await response.arrayBuffer()) });
  }

  /** Returns the records of the audit log. */
  async audited(): Promise<Record<string, unknown>[]> {
    const text = await readFile(join(this.#directory, 'audit'), 'utf8');
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  }
}
