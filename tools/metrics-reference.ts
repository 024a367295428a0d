import { table } from './cli-reference.ts';

/** A metric, as it is exposed. */
export interface ExposedMetric {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly labels: readonly string[];
}

const intro = `# Metrics

The services serve Prometheus metrics at \`/metrics\`, the operator too, at the address of its webhooks (HTTPS), and the shim at the
address of \`--metrics\`. Services and operator add the label \`service\` and the metrics of the process (\`process_*\`, \`nodejs_*\`).
The operator also has the metrics of HTTP requests that are listed for the services.

Metrics that begin with \`security_profiles_operator_\` are those of the Security Profiles Operator that fit what the operator does. It
has no metrics yet about profiles that are loaded on nodes (\`…_profile_total\`), audit events (\`…_profile_audit_total\`,
\`apparmor_profile_denial_total\`) and recordings (\`seccomp_profile_bpf_total\`). \`apparmor_profile_error_total\` has no label \`profile\`: the
number of series must not grow with the number of profiles.
`;

/**
 * Returns the reference page of metrics.
 *
 * @param exposed what each program exposes, by its title.
 */
export function metricsReference(exposed: Readonly<Record<string, readonly ExposedMetric[]>>): string {
  const sections = Object.entries(exposed).map(([title, metrics]) => {
    const rows = metrics.map(({ name, type, help, labels }) => [
      `\`${name}\``,
      type,
      labels.map((label) => `\`${label}\``).join(', '),
      help,
    ]);
    return `## ${title}\n\n${table(['metric', 'type', 'labels', 'meaning'], rows)}`;
  });
  return [intro, ...sections].join('\n');
}

/** Reads the metrics of Fairlead, with the labels of a sample, from the format of Prometheus. */
export function exposedMetrics(text: string): readonly ExposedMetric[] {
  const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => [name, type]));
  const helps = [...text.matchAll(/^# HELP ((?:fairlead|security_profiles_operator)_\S+) (.*)$/gm)];
  return helps.map(([, name = '', help = '']) => {
    const [, labels = ''] = new RegExp(`^${name}(?:_sum)?\\{(.*)\\} `, 'm').exec(text) ?? [];
    const names = [...labels.matchAll(/(\w+)="/g)]
      .map(([, label = '']) => label)
      .filter((label) => label !== 'service');
    return { name, type: types.get(name) ?? '', help, labels: names };
  });
}
