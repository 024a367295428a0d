import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { errorMapping } from '#lib/errors';

const root = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

/** The labels of each metric, from the reference, which tests compare with what is exposed. */
const labels = new Map(
  [...read('docs/reference/metrics.md').matchAll(/^\| `(fairlead_\w+)` \| (\w+) \| (.*?) \|/gm)].map(
    ([, name = '', type = '', listed = '']) => [
      name,
      { type, labels: [...listed.matchAll(/`(\w+)`/g)].map(([, label = '']) => label) },
    ],
  ),
);
/** Those that Prometheus adds. */
const ofPrometheus = ['instance', 'job', 'le'];

/** Asserts that a query is balanced, and names only metrics and labels that exist. */
function assertQuery(query: string): void {
  const open: string[] = [];
  for (const character of query.replace(/"[^"]*"/g, '""')) {
    if ('({['.includes(character)) open.push(character);
    const closed = ')}]'.indexOf(character);
    if (closed >= 0) assert.equal(open.pop(), '({['[closed], query);
  }
  assert.deepEqual(open, [], query);
  const names = [...query.matchAll(/\b(fairlead_\w+)/g)].map(([, name = '']) => name);
  const known = names.map((name) => {
    const metric = labels.get(name.replace(/_bucket$/, ''));
    assert.ok(metric, `${query}: no metric ${name}`);
    assert.equal(name.endsWith('_bucket'), metric.type === 'histogram', query);
    if (metric.type === 'counter') assert.match(query, new RegExp(`(?:rate|increase)\\(${name}`), query);
    return metric.labels;
  });
  const used = [
    ...[...query.matchAll(/(\w+)!?=~?"/g)].map(([, label = '']) => label),
    ...[...query.matchAll(/by \(([\w, ]*)\)/g)].flatMap(([, list = '']) => list.split(', ')),
  ];
  for (const label of used)
    assert.ok([...known.flat(), ...ofPrometheus].includes(label), `${query}: no label ${label}`);
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

describe('deploy/monitoring', () => {
  it('alerts on metrics and labels that exist, names existing log ids, and says what to do', () => {
    const { groups } = parse(read('deploy/monitoring/alerts.yaml')) as { groups: { rules: Rule[] }[] };
    const rules = groups.flatMap((group) => group.rules);
    assert.ok(rules.length > 5);
    const logs = read('docs/reference/logs.md');
    for (const { alert, expr, labels: given, annotations } of rules) {
      assertQuery(expr);
      assert.match(alert, /^Fairlead[A-Z]\w+$/);
      assert.ok(['critical', 'warning', 'info'].includes(given.severity));
      for (const [id] of annotations.description.matchAll(/fairlead\.[a-z-]+\.[a-z-]+/g)) {
        assert.ok(logs.includes(`\`${id}\``), id);
      }
      for (const [, label = ''] of annotations.summary.matchAll(/\$labels\.(\w+)/g)) {
        assert.ok(expr.includes(label) || label === 'instance', `${alert}: ${label}`);
      }
    }
  });

  it('alerts on refusals of each kind', () => {
    const { groups } = parse(read('deploy/monitoring/alerts.yaml')) as { groups: { rules: Rule[] }[] };
    const selectors = groups.flatMap(({ rules }) =>
      rules.flatMap(({ expr }) => [...expr.matchAll(/fairlead_shim_refusals_total\{kind(!?=)"(\w+)"\}/g)]),
    );
    for (const kind of Object.keys(errorMapping)) {
      assert.ok(
        selectors.some(([, operator, value]) => (operator === '=') === (value === kind)),
        kind,
      );
    }
  });

  it('shows metrics and labels that exist', () => {
    const dashboard = JSON.parse(read('deploy/monitoring/grafana-dashboard.json')) as {
      panels: { title: string; gridPos: { x: number; w: number }; targets: { expr: string; legendFormat: string }[] }[];
    };
    const queries = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
    for (const query of queries) assertQuery(query.replace('$__rate_interval', '5m'));
    for (const { gridPos } of dashboard.panels) assert.ok(gridPos.x + gridPos.w <= 24);
    const shown = new Set(queries.join(' ').match(/fairlead_shim_\w+?(?=_bucket|\{)/g));
    const ofShim = [...labels.keys()].filter((name) => name.startsWith('fairlead_shim_'));
    assert.deepEqual([...shown].toSorted(), ofShim.toSorted(), 'every metric of the shim is shown');
  });
});
