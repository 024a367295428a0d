import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import * as v from 'valibot';
import { fairleadResources } from '#operator/api/resources';
import { customResourceDefinition } from '#operator/crds/custom-resource-definition';
import { describePeers } from '#test/peers/require';
import {
  type ApiPeer,
  type ApiServer,
  apiPeers,
  type Document,
  evaluatesCel,
  serve,
} from '#test/support/apis/served-apis';

const digest = `sha256:${'a1'.repeat(32)}`;
const reference = `registry.example.com/security/nginx@${digest}`;
const podSelector = {};
const artifactRef = { kind: 'ClusterProfileArtifact', name: 'nginx' };

interface Table {
  readonly good: readonly Document[];
  /** With the field that is named. `schema` is checked by servers without CEL, too. */
  readonly bad: readonly (readonly [spec: Document, field: RegExp, by: 'schema' | 'cel' | 'webhook'])[];
}

/** What both kinds of bindings accept, with `more` in each. */
const bindings = (more: Document): Table => {
  const base = { reference, podSelector, ...more };
  return {
    good: [
      base,
      { ...base, podSelector: { matchLabels: { app: 'nginx' } } },
      { ...base, mode: 'Log', base: 'RuntimeDefault', kind: 'Seccomp' },
      { ...base, base: 'profiles/web.json' },
      { ...base, containers: ['app', 'init-1'] },
      { ...base, images: ['docker.io/library/nginx', 'ghcr.io/acme/**:1.*', `localhost:5000/*@${digest}`] },
      { podSelector, ...more, artifactRef },
      { podSelector, ...more, profileFrom: 'ImageReferrers', pullSecret: { name: 'registry' } },
    ],
    bad: [
      [{ podSelector, ...more }, /exactly one of reference/, 'cel'],
      [{ ...base, artifactRef }, /exactly one of reference/, 'cel'],
      [{ ...base, reference: 'registry.example.com/security/nginx:1.27' }, /reference/, 'cel'],
      [{ ...base, reference: `registry.example.com/security/nginx:1.27@${digest}` }, /reference/, 'cel'],
      [{ ...base, reference: `nginx@${digest}` }, /reference/, 'cel'],
      [{ ...base, reference: `registry.example.com/Security/nginx@${digest}` }, /reference/, 'webhook'],
      [{ reference, ...more }, /podSelector/, 'schema'],
      [{ ...base, kind: 'AppArmor' }, /kind/, 'schema'],
      [{ ...base, mode: 'Audit' }, /mode/, 'schema'],
      [{ ...base, base: '../x' }, /base/, 'schema'],
      [{ ...base, base: 'localhost/x.json' }, /base/, 'webhook'],
      [{ ...base, images: [] }, /images/, 'schema'],
      [{ ...base, images: ['docker.io/library/nginx', 'docker.io/library/nginx'] }, /images/, 'schema'],
      [{ ...base, images: ['nginx'] }, /images/, 'webhook'],
      [{ ...base, images: ['docker.io/nginx'] }, /images/, 'webhook'],
      [{ ...base, images: [`docker.io/library/nginx:1@${digest}`] }, /images/, 'webhook'],
      [{ ...base, containers: ['App'] }, /containers/, 'schema'],
      [{ ...base, containers: [] }, /containers/, 'schema'],
      [{ podSelector, ...more, profileFrom: 'Registry' }, /profileFrom/, 'schema'],
      [{ podSelector, ...more, artifactRef: { ...artifactRef, kind: 'SeccompProfile' } }, /artifactRef/, 'schema'],
      [{ podSelector, ...more, artifactRef: { ...artifactRef, name: 'A' } }, /name of an object/, 'cel'],
      [{ ...base, podSelector: { matchLabels: { 'a b': 'c' } } }, /podSelector/, 'webhook'],
    ],
  };
};

const artifacts: Table = {
  good: [
    { reference: 'registry.example.com/security/nginx:1.27' },
    { reference, kind: 'AppArmor' },
    { image: `docker.io/library/nginx@${digest}`, pullSecret: { name: 'registry' } },
    { reference, update: { policy: 'Track', interval: '1h30m', allowLooser: true } },
  ],
  bad: [
    [{}, /either reference or image/, 'cel'],
    [{ reference, image: reference }, /either reference or image/, 'cel'],
    [{ reference: 'registry.example.com/security/nginx' }, /reference/, 'cel'],
    [{ reference: 'nginx:1.27' }, /reference/, 'cel'],
    [{ image: 'docker.io/library/nginx:1.27' }, /image/, 'cel'],
    [{ reference, kind: 'Selinux' }, /kind/, 'schema'],
    [{ reference, update: { policy: 'Always' } }, /policy/, 'schema'],
    [{ reference, update: { interval: '10s' } }, /duration/, 'cel'],
    [{ reference, update: { interval: '200h' } }, /duration/, 'cel'],
    [{ reference, update: { interval: 'soon' } }, /duration/, 'cel'],
    [{ reference, pullSecret: { name: 'A' } }, /name of an object/, 'cel'],
  ],
};

const ofNamespaces = bindings({ namespaceSelector: { matchLabels: { team: 'web' } } });
const tables: Readonly<Record<string, Table>> = {
  ArtifactBinding: bindings({}),
  ClusterArtifactBinding: {
    good: ofNamespaces.good,
    bad: [
      ...ofNamespaces.bad,
      [{ reference, podSelector }, /namespaceSelector/, 'schema'],
      [
        { podSelector, namespaceSelector: {}, artifactRef: { kind: 'ProfileArtifact', name: 'nginx' } },
        /artifactRef/,
        'schema',
      ],
    ],
  },
  ProfileArtifact: artifacts,
  ClusterProfileArtifact: artifacts,
};

function suite(peer: ApiPeer): void {
  let server: ApiServer;
  let hasCel: boolean;
  before(async () => {
    server = await peer.start();
    hasCel = await evaluatesCel(server.request);
    for (const resource of fairleadResources) await serve(server.request, customResourceDefinition(resource));
  });
  after(() => server?.stop());

  for (const { kind, plural, scope } of fairleadResources.filter((each) => tables[each.kind] !== undefined)) {
    it(`${kind}: accepts what is valid, and refuses what is not, naming the field`, async () => {
      const { good, bad } = tables[kind] as Table;
      const place = scope === 'Cluster' ? '' : 'namespaces/default/';
      const create = (spec: Document) =>
        server.request('POST', `/apis/fairlead.dev/v1alpha1/${place}${plural}?dryRun=All`, {
          ...{ apiVersion: 'fairlead.dev/v1alpha1', kind, metadata: { name: 'sample' }, spec },
        });
      for (const spec of good) {
        const { status, body } = await create(spec);
        assert.equal(status, 201, `${JSON.stringify(spec)}: ${(body as { message?: string }).message}`);
      }
      for (const [spec, field, by] of bad) {
        const isKnown = by === 'schema' || (by === 'cel' && hasCel);
        const { status, body } = await create(spec);
        assert.equal(status, isKnown ? 422 : 201, `${by} ${JSON.stringify(spec)}`);
        if (isKnown) assert.match((body as { message: string }).message, field, JSON.stringify(spec));
      }
    });
  }
}

for (const peer of apiPeers) {
  describePeers(peer.requirements, `the APIs of fairlead.dev on ${peer.name}`, () => suite(peer));
}

describe('the schemas of fairlead.dev, by which the webhooks decide', () => {
  for (const { kind, stored } of fairleadResources.filter((each) => tables[each.kind] !== undefined)) {
    it(`${kind}: accept what API servers accept, and refuse also what these cannot check`, () => {
      const { good, bad } = tables[kind] as Table;
      for (const spec of good) assert.ok(v.is(stored.schema, { spec }), JSON.stringify(spec));
      for (const [spec] of bad) assert.ok(!v.is(stored.schema, { spec }), JSON.stringify(spec));
    });
  }
});
