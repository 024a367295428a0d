import type { LoggedOfContainer } from '#lib/node/kernel-log/count-logged';
import { oneLine } from '../terminal/output.ts';
import { signersText } from './signers-text.ts';
import type { ContainerWithKernelLog, KernelLogOfPod, PodWithKernelLog } from './with-kernel-log.ts';

/** A line of a table: a label and a value. */
type Row = readonly [label: string, value: string];

/**
 * Returns what a pod runs under as text: a paragraph for each container, the kernel's log, and a
 * paragraph for each refusal.
 */
export function explanationText({ containers, kernelLog, refusals }: PodWithKernelLog): string {
  const paragraphs = containers.map((container) => paragraph(titleOf(container), containerRows(container)));
  const log = kernelLog === undefined ? [] : kernelLogRows(kernelLog);
  const refused = refusals.map(({ time, message }) => paragraph(`refused  ${time}`, [['reason', message]]));
  return [...paragraphs, ...(log.length === 0 ? [] : [paragraph('kernel log', log)]), ...refused].join('\n\n');
}

function paragraph(title: string, rows: readonly Row[]): string {
  return [title, ...rows.map(([label, value]) => `  ${label.padEnd(13)}${oneLine(value)}`)].join('\n');
}

function titleOf({ name, id, state }: ContainerWithKernelLog): string {
  return name === undefined ? `sandbox ${id}` : `container ${name} (${state}, ${id})`;
}

function containerRows({ artifacts, appArmor, applied, runtime, logged }: ContainerWithKernelLog): readonly Row[] {
  return [
    ...applied.flatMap((record): Row[] => [
      ['artifact', `${record.kind} ${record.reference}`],
      ['allowed by', record.rule],
      ['signed by', signersText(record.signers)],
      ['base', record.base ?? 'none'],
      ['mode', record.mode ?? 'Enforce'],
      ['effective', record.installed ?? 'resolved by the runtime'],
      ['constrained', constrainedText(record.constrained)],
    ]),
    ...(applied.length > 0
      ? []
      : artifacts.map((digest): Row => ['artifact', `${digest}, applied by an older release: more is not known`])),
    ...(appArmor === undefined || applied.some(({ installed }) => installed === appArmor)
      ? []
      : [['AppArmor', appArmor] as const]),
    ...(artifacts.length === 0 && applied.length === 0 ? [['artifact', 'none'] as const] : []),
    ...(runtime.seccomp === undefined ? [] : [['runtime', `seccomp: ${runtime.seccomp}`] as const]),
    ...(runtime.appArmor === undefined ? [] : [['runtime', `AppArmor: ${runtime.appArmor}`] as const]),
    ...(logged === undefined ? [] : loggedRows(logged)),
  ];
}

function constrainedText(constrained: Readonly<Record<string, number>>): string {
  const parts = Object.entries(constrained).map(([input, count]) => `${count} by ${input}`);
  return parts.length === 0 ? 'nothing' : `dimensions: ${parts.join(', ')}`;
}

function loggedRows({ calls, accesses, executed, omitted }: LoggedOfContainer): readonly Row[] {
  const refused = [
    ...calls.map(({ syscall, count }) => `${times(count)}: ${syscall}`),
    ...accesses.map(({ operation, subject, count }) => `${times(count)}: ${operation} ${subject}`),
  ];
  return [
    ...(refused.length === 0 ? [['would refuse', 'nothing that was logged'] as const] : []),
    ...refused.map((text): Row => ['would refuse', text]),
    ...executed.map(({ subject, count }): Row => ['executed', `${times(count)}: ${subject}`]),
    ...(omitted === 0 ? [] : [['', `and ${omitted} records more`] as const]),
  ];
}

function kernelLogRows({ ended, endedAccesses, suppressed, notes }: KernelLogOfPod): readonly Row[] {
  return [
    ...ended.map(({ program, syscall, count }): Row => {
      return ['ended', `${times(count)}: ${syscall} by ${program}, which has ended: its container is not known`];
    }),
    ...(endedAccesses === 0
      ? []
      : [
          [
            'ended',
            `${times(endedAccesses)}: accesses under a profile that several containers of the pod have`,
          ] as const,
        ]),
    ...(suppressed === 0
      ? []
      : [
          [
            'not printed',
            `${suppressed} records of the node: set the sysctl kernel.printk_ratelimit to 0, or run auditd`,
          ] as const,
        ]),
    ...notes.map((note): Row => ['note', note]),
  ];
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}
