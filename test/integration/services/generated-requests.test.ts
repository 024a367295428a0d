import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { packArtifact } from '#lib/artifact/pack-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { readProfile } from '#lib/profile/read-profile';
import { memoryRepository } from '#lib/registry/memory';
import type { Policy } from '#lib/trust/policy/node-policy';
import { defaultAuthorization } from '#services/callers/authorization';
import { createPullServer } from '#services/pull/server';
import { createPushServer } from '#services/push/server';
import { arbitraryRequest, type OpenApiDocument, routesOf } from '#test/support/openapi/arbitrary-request';

const logger = pino({ level: 'silent' });
const policy: Policy = {
  source: '/etc/fairlead/policy.yaml',
  rules: [{ match: 'registry.example.com/**', require: [], unsigned: true }],
  baseline: { seccomp: 'RuntimeDefault', apparmor: 'RuntimeDefault' },
  limits: { artifactBytes: 1024, entriesPerSyscall: 2 },
  revision: '1',
};
/** Requests for each route. Few of those to publish are valid. */
const runs = { pull: 150, push: 400 };

describe('generated requests', () => {
  const apps: Record<string, FastifyInstance> = {};
  const known: string[] = ['registry.example.com/b', 'other.example.com/a:1', 'a=b', 'none', '0'];
  before(async () => {
    const target = memoryRepository();
    for (const [tag, text] of [
      ['1', '{"defaultAction":"SCMP_ACT_ERRNO"}\n'],
      ['2', '{"defaultAction":"SCMP_ACT_ALLOW"}\n'],
      ['apparmor', '{"filesystem":{}}\n'],
    ] as const) {
      const content = new TextEncoder().encode(text);
      const artifact = packArtifact(readProfile(content), { layout: 'runtime', content });
      await pushArtifact(target, artifact, undefined, tag);
      known.push(`registry.example.com/a:${tag}`, `registry.example.com/a@${artifact.descriptor.digest}`);
    }
    const shared = { version: '0', logger, policy: { current: policy, inForce: true }, connect: () => target };
    const authenticator = { authenticate: async () => ({ method: 'token' }) as const };
    apps['pull'] = await createPullServer(shared);
    apps['push'] = await createPushServer({
      ...shared,
      authenticator,
      authorization: { current: defaultAuthorization },
    });
  });
  after(() => Promise.all(Object.values(apps).map((app) => app.close())));

  for (const service of ['pull', 'push'] as const) {
    it(`never make the ${service} service answer 500, and errors are problem details`, async (t) => {
      const app = apps[service];
      assert.ok(app);
      const document: OpenApiDocument = (await app.inject('/openapi.json')).json();
      const routes = routesOf(document);
      assert.ok(routes.length > 0);
      for (const route of routes) {
        const statuses = new Map<number, number>();
        await fc.assert(
          fc.asyncProperty(arbitraryRequest(document, route, known), async ({ method, url, headers, body }) => {
            const payload = body === undefined ? {} : { payload: Buffer.from(body) };
            const response = await app.inject({ method, url, headers, ...payload });
            const { statusCode } = response;
            statuses.set(statusCode, (statuses.get(statusCode) ?? 0) + 1);
            assert.ok(statusCode < 500, `${method} ${url}: ${statusCode} ${response.body}`);
            if (statusCode < 400) return;
            assert.equal(response.headers['content-type'], 'application/problem+json');
            assert.equal(response.json().status, statusCode);
            assert.doesNotMatch(response.body, /\/etc\/fairlead/);
          }),
          { numRuns: runs[service] },
        );
        t.diagnostic(`${route}: ${JSON.stringify(Object.fromEntries(statuses))}`);
        assert.ok(statuses.has(200) || statuses.has(201) || statuses.has(404), `${route} was never answered`);
        assert.ok(statuses.has(400), `${route} was never refused`);
      }
    });
  }

  it('find schemas with names in both documents', async () => {
    const names = async (service: string) => {
      const document = (await apps[service]?.inject('/openapi.json'))?.json();
      assert.doesNotMatch(JSON.stringify(document), /"\$id"|def-\d/);
      return Object.keys(document.components.schemas);
    };
    assert.ok((await names('push')).includes('Problem'));
    for (const name of ['CatalogPage', 'Decision', 'Explanation', 'Problem', 'ProfileDiff', 'VerifiedProfile']) {
      assert.ok((await names('pull')).includes(name), name);
    }
  });
});
