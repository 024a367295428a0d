import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { resources } from '#operator/api/resources';
import { permissions } from '#operator/rbac/permissions';
import { apiserverMinor, apiserverRequirements } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';
import { manifest, OperatorCluster, until } from '#test/support/operator-cluster';

const user = 'system:serviceaccount:fairlead-system:fairlead-operator';
const secretPath = '/api/v1/namespaces/fairlead-system/secrets/fairlead-operator-certificates';
const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

const eventSchema = v.object({
  verb: v.string(),
  requestURI: v.string(),
  user: v.object({ username: v.string() }),
  impersonatedUser: v.optional(v.object({ username: v.string() })),
  objectRef: v.optional(
    v.object({
      resource: v.string(),
      apiGroup: v.optional(v.string(), ''),
      namespace: v.optional(v.string()),
      name: v.optional(v.string()),
    }),
  ),
  annotations: v.optional(v.record(v.string(), v.string()), {}),
});
const conversionSchema = v.object({
  spec: v.object({
    conversion: v.object({
      webhook: v.optional(v.object({ clientConfig: v.object({ caBundle: v.optional(v.string(), '') }) })),
    }),
  }),
});
const isTrusted = ({ spec }: v.InferOutput<typeof conversionSchema>) =>
  (spec.conversion.webhook?.clientConfig.caBundle ?? '') !== '';
type AuditEvent = v.InferOutput<typeof eventSchema>;

describePeers(apiserverRequirements, 'the permissions of the operator, and the audit log of a kube-apiserver', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'fairlead-audit-'));
  const log = path.join(folder, 'audit.log');
  let cluster: OperatorCluster;
  before(async () => {
    const policy = path.join(folder, 'policy.yaml');
    const rules = [{ level: 'Metadata' }];
    writeFileSync(
      policy,
      JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages: ['RequestReceived'], rules }),
    );
    const flags = { 'audit-policy-file': policy, 'audit-log-path': log, 'audit-log-mode': 'blocking' };
    cluster = await OperatorCluster.start({ ownCertificates: true, flags });
  });
  after(async () => {
    await cluster?.stop();
    rmSync(folder, { recursive: true });
  });

  /** What the operator has asked for so far. */
  const asked = (): AuditEvent[] =>
    readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => v.parse(eventSchema, JSON.parse(line)))
      .filter((event) => (event.impersonatedUser ?? event.user).username === user);
  /** Requests for `/version`, which anybody may send, have no resource. */
  const isAllowed = ({ verb, objectRef }: AuditEvent): boolean =>
    objectRef === undefined || permissions.some((permission) => covers(permission, verb, objectRef));
  const covers = (
    { group, resource, verbs, names, namespaces }: (typeof permissions)[number],
    verb: string,
    object: NonNullable<AuditEvent['objectRef']>,
  ): boolean =>
    group === object.apiGroup &&
    resource === object.resource &&
    verbs.includes(verb) &&
    (names === undefined || names.includes(object.name ?? '')) &&
    (namespaces === 'all' || object.namespace === 'fairlead-system');

  it('has every call that is made, and no other', async () => {
    for (const { plural } of resources) {
      for (const document of manifest(`crds/${plural}.yaml`)) await cluster.apply(document);
    }
    await until('API servers trust the conversion of all APIs', async () => {
      const answer = await cluster.api.request('GET', crds);
      const { items } = v.parse(v.object({ items: v.array(conversionSchema) }), answer.body);
      return items.filter(isTrusted).length === resources.length;
    });
    assert.equal((await cluster.request('DELETE', secretPath)).status, 200);
    await cluster.stopOperator();
    await cluster.startOperator('127.0.0.1:0');
    const patched = await cluster.api.request('PATCH', secretPath, { data: null }, 'application/merge-patch+json');
    assert.equal(patched.status, 200);
    await cluster.stopOperator();
    await cluster.startOperator('127.0.0.1:0');
    await sleep(500);

    const events = asked();
    const described = ({ verb, objectRef, requestURI }: AuditEvent) =>
      objectRef === undefined
        ? `${verb} ${requestURI}`
        : `${verb} ${objectRef.apiGroup}/${objectRef.resource} ${objectRef.name}`;
    assert.deepEqual([...new Set(events.filter((event) => !isAllowed(event)).map(described))], []);
    const needless = permissions.flatMap((permission) =>
      permission.verbs
        .filter(
          (verb) =>
            !events.some(
              ({ verb: asked, objectRef }) => asked === verb && objectRef && covers(permission, verb, objectRef),
            ),
        )
        .map((verb) => `${verb} ${permission.resource}`),
    );
    const unused = apiserverMinor() >= 22 ? ['list namespaces', 'watch namespaces'] : [];
    assert.deepEqual(needless, unused);
  });

  it('are all that the API server refuses nothing of', () => {
    const refused = asked().filter(({ annotations }) => annotations['authorization.k8s.io/decision'] === 'forbid');
    assert.deepEqual(
      refused.map(({ verb, requestURI }) => `${verb} ${requestURI}`),
      [],
    );
  });
});
