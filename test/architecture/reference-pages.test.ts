import assert from 'node:assert/strict';
import { globSync, readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { serveMetrics } from '#cri-shim/report/metrics';
import { errorMapping } from '#lib/errors';
import { createHealthServer } from '#lib/http/health-server';
import { KubeMetrics } from '#lib/kube/metrics';
import { ruleMeanings } from '#lib/profile/report/rules';
import { ArtifactMetrics } from '#operator/artifacts/artifact-metrics';
import { profileKinds } from '#operator/controllers/cluster-view';
import { CoverageMetrics } from '#operator/controllers/coverage-metrics';
import { ProfileMetrics } from '#operator/controllers/profile-metrics';
import { PublicationMetrics } from '#services/push/publication-metrics';
import { assertGenerated } from '#test/support/generated';
import { cliReference } from '../../tools/cli-reference.ts';
import { describeProgram } from '../../tools/describe-program.ts';
import { errorsReference } from '../../tools/errors-reference.ts';
import { findingsReference } from '../../tools/findings-reference.ts';
import { exposedMetrics, metricsReference } from '../../tools/metrics-reference.ts';
import { documentNames, documentSchema, outputReference, schemaFile } from '../../tools/output-reference.ts';

const root = new URL('../../', import.meta.url);

const assertPage = (name: string, generated: string) => assertGenerated(`docs/reference/${name}`, generated);

/** The source files of the programs, without tests and generated code. */
const sources = globSync('{lib,services,cri-shim,operator,cli}/**/*.ts', { cwd: root })
  .filter((file) => !/\.test\.ts$|\/gen\//.test(file))
  .map((file) => readFileSync(new URL(file, root), 'utf8'))
  .join('\n');

/** Returns the distinct matches of the first group, sorted. */
function namesIn(text: string, pattern: RegExp): readonly string[] {
  return [...new Set([...text.matchAll(pattern)].map(([, name = '']) => name))].sort();
}

/** Variables that the system or a CI system sets. */
const notForUsers: ReadonlySet<string> = new Set([
  ...[
    'GITHUB_ACTIONS',
    'GITLAB_CI',
    'GITHUB_OUTPUT',
    'GITHUB_STEP_SUMMARY',
    'HOME',
    'KUBERNETES_SERVICE_HOST',
    'NODE_OPTIONS',
  ],
]);

describe('the reference pages', () => {
  it('cli.md has every command with its arguments, options and examples', async () => {
    const { subcommands } = await describeProgram();
    assertPage('cli.md', cliReference(subcommands));
  });

  it('output.md has every document of --output json, and each has a schema', async () => {
    assertPage('output.md', outputReference());
    for (const name of documentNames) {
      assertPage(`output/${schemaFile(name)}`, `${JSON.stringify(documentSchema(name), undefined, 2)}\n`);
    }
    const files = readdirSync(new URL('docs/reference/output', root));
    assert.deepEqual(files.toSorted(), documentNames.map(schemaFile).toSorted());
    const { subcommands } = await describeProgram();
    const commands = subcommands.flatMap((each) => [each, ...each.subcommands]);
    const printing = commands.filter(({ options }) => options.some(({ flags }) => flags.includes('--output')));
    assert.deepEqual(
      printing.map(({ name }) => name.replace('fairlead ', '')).toSorted(),
      documentNames.filter((name) => name !== 'error').toSorted(),
    );
  });

  it('errors.md has every kind of error with its codes', () => {
    assertPage('errors.md', errorsReference(errorMapping));
  });

  it('findings.md has every code of lint and diff', () => {
    assertPage('findings.md', findingsReference(ruleMeanings));
  });

  it('metrics.md has every metric that the services, the shim and the operator expose', async () => {
    const page = metricsReference({
      Services: [...(await servicesMetrics()), ...(await publicationMetrics())],
      Shim: await shimMetrics(),
      Operator: await operatorMetrics(),
    });
    assertPage('metrics.md', page);
    assert.deepEqual(namesIn(page, /`(fairlead_\w+)`/g), namesIn(sources, /name: '(fairlead_\w+)'/g));
    const ofSpo = /['`](security_profiles_operator_\w*[a-z])['`]/g;
    assert.deepEqual(namesIn(page, ofSpo), namesIn(sources, ofSpo));
  });

  it('environment.md has every variable of Fairlead, and names no other', () => {
    const page = readFileSync(new URL('docs/reference/environment.md', root), 'utf8');
    assert.deepEqual(namesIn(page, /\b(FAIRLEAD_[A-Z_]+)/g), namesIn(sources, /\b(FAIRLEAD_[A-Z_]+)/g));
    for (const name of namesIn(sources, /\benv\['([A-Z_]+)'\]/g)) {
      if (!notForUsers.has(name)) assert.ok(page.includes(`\`${name}\``), name);
    }
  });

  it('logs.md has every messageId that is logged', () => {
    const page = readFileSync(new URL('docs/reference/logs.md', root), 'utf8');
    const logged = namesIn(sources, /'(fairlead\.[a-z-]+\.[a-z-]+)'/g);
    assert.ok(logged.length > 10);
    assert.deepEqual(namesIn(page, /^\| `(fairlead\.[a-z-]+\.[a-z-]+)` \|/gm), logged);
  });
});

async function servicesMetrics() {
  const app = await createHealthServer({
    version: '0',
    logger: pino({ level: 'silent' }),
    policyInForce: () => true,
    policyMissing: () => false,
  });
  await app.inject('/healthz');
  const { body } = await app.inject('/metrics');
  await app.close();
  return exposedMetrics(body);
}

async function publicationMetrics() {
  const registry = new Registry();
  new PublicationMetrics(registry, () => true).count('published', 1);
  return exposedMetrics(await registry.metrics());
}

async function operatorMetrics() {
  const registry = new Registry();
  const metrics = new KubeMetrics(registry);
  metrics.countRequest('GET', 200);
  metrics.countRestart('pods', 'watch');
  metrics.countRejected('pods');
  metrics.setFailing(
    { resource: { ...{ group: '', version: 'v1', plural: 'pods', kind: 'Pod' }, namespaced: true } },
    true,
  );
  metrics.countReconcile('seccompprofiles', 'done', 1);
  metrics.countEvent('written');
  metrics.setLeader('fairlead-operator', true);
  metrics.reportDepth('seccompprofiles', () => 1);
  const profiles = new ProfileMetrics(registry);
  for (const kind of profileKinds) profiles.countError(kind, 'ProfileNotAllowed');
  new ArtifactMetrics(registry).countCheck('UpToDate');
  new CoverageMetrics(registry).follow({ hasSynced: true, coverage: async () => ({ pods: [] }) });
  return exposedMetrics(await registry.metrics());
}

async function shimMetrics() {
  const metrics = await serveMetrics('127.0.0.1:0', {
    build: { version: '1.2.3' },
    problems: async () => ({ runtime: undefined }),
  });
  metrics.pulled(true, 1);
  metrics.refused('CreateContainer', 'NotAllowed');
  metrics.abandoned('CreateContainer', 'cancelled');
  metrics.applied(undefined);
  metrics.constrained('baseline', 1);
  metrics.policyInForce(true);
  const response = await fetch(`http://${metrics.address}/metrics`);
  const text = await response.text();
  await metrics.stop();
  return exposedMetrics(text);
}
