import { existsSync, statSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { peer } from '#test/peers/peer';
import { startRegistry } from '#test/peers/registry';
import { root } from '#test/support/cli/package';
import { ownArchitecture } from '#test/support/release/program';
import { commonProfile } from './common-profile.ts';
import { installExecutable, unpackPackage } from './installed-programs.ts';
import { buildMeasure, type Command, type Measure, type Usage } from './measured-program.ts';
import { quartiles, renderSpread } from './samples.ts';

/** The first round, which warms up, is not counted. */
const rounds = 7;

/** The executable is to take at most this many times as long as the package. */
const targetRatio = 1;

/** The archive of the executable is to have at most this many megabytes. */
const targetSize = 45;

/** A program that does a task, and what it used in each round. */
interface Contender {
  readonly task: string;
  readonly name: string;
  readonly command: Command;
  readonly usage: Usage[];
}

type Report = (line: string) => void;

/**
 * Whole processes: the self-contained executable and the package of npm, beside the programs of
 * others that do the same; and the sizes of both.
 */
export async function bench(report: Report): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'fairlead-bench-'));
  const registry = await startRegistry();
  try {
    const measure = buildMeasure(directory);
    const executable = await installExecutable(directory);
    const launcher = await unpackPackage(directory);
    const reference = `${registry.host}/security/nginx:1`;
    await writeFile(join(directory, 'nginx.json'), commonProfile());
    await writeFile(join(directory, 'policy.yaml'), policy);
    measure([executable, 'keygen']);
    measure([executable, 'push', 'nginx.json', reference, '--key', 'fairlead.key']);
    const contenders = contendersOf([executable], [process.execPath, launcher], reference);
    takeTurns(contenders, measure);
    reportUsage(report, contenders);
    reportRatios(report, contenders);
    reportSizes(report, executable);
  } finally {
    await registry.stop();
    await rm(directory, { recursive: true });
  }
}

const policy = `apiVersion: fairlead.dev/v1
kind: TrustPolicy
rules:
  - match: "**"
    require: [{key: fairlead.pub}]
`;

function contendersOf(executable: Command, npmPackage: Command, reference: string): Contender[] {
  const contender = (task: string, name: string, command: Command): Contender => ({ task, name, command, usage: [] });
  const both = (task: string, ...args: string[]) => [
    contender(task, 'executable', [...executable, ...args]),
    contender(task, 'package', [...npmPackage, ...args]),
  ];
  const cosign = ['verify', '--key', 'fairlead.pub', '--insecure-ignore-tlog', '--allow-http-registry', reference];
  return [
    ...both('--version', '--version'),
    contender('--version', 'empty Node script', [process.execPath, '--eval', '0']),
    ...both('push --help', 'push', '--help'),
    ...both('verify', 'verify', reference, '--key', 'fairlead.pub'),
    contender('verify', 'cosign verify', [peer('cosign'), ...cosign]),
    ...both('pull', 'pull', reference, '--policy', 'policy.yaml', '--file', 'pulled.json'),
    contender('pull', 'oras pull', [peer('oras'), 'pull', '--plain-http', '--output', 'oras', reference]),
  ];
}

/** Runs each contender once a round, so that a noisy minute hits all of them. */
function takeTurns(contenders: readonly Contender[], measure: Measure): void {
  for (let round = 0; round <= rounds; round++) {
    for (const { command, usage } of contenders) {
      const used = measure(command);
      if (round > 0) usage.push(used);
    }
  }
}

function reportUsage(report: Report, contenders: readonly Contender[]): void {
  report(`median of ${rounds} rounds (quartiles):`);
  report(columns('', '', 'ms', 'ms of processor', 'MB of memory'));
  for (const { task, name, usage } of contenders) {
    const samples = [
      usage.map(({ wall }) => wall),
      usage.map(({ processor }) => processor),
      usage.map(({ peak }) => peak),
    ];
    report(columns(task, name, ...samples.map((each) => renderSpread(each, 0))));
  }
  report('The memory is the peak of what is resident. This includes pages of the file of the program, which all of');
  report('its processes share, and whose number depends on how the file was written.');
}

/** Reports how many times as much as the others the executable used, by the rounds. */
function reportRatios(report: Report, contenders: readonly Contender[]): void {
  report(columns('executable / other', '', 'time', 'processor time'));
  for (const { task, name, usage } of contenders) {
    const executable = contenders.find((each) => each.task === task && each.name === 'executable');
    if (executable === undefined || name === 'executable') continue;
    const ratios = (measure: 'wall' | 'processor') =>
      usage.map((other, round) => (executable.usage[round]?.[measure] ?? Number.NaN) / other[measure]);
    const reached = quartiles(ratios('wall'))[0] <= targetRatio;
    const verdict = name !== 'package' ? '' : `at most ${targetRatio.toFixed(1)}: ${reached ? 'reached' : 'missed'}`;
    report(columns(task, name, renderSpread(ratios('wall'), 2), renderSpread(ratios('processor'), 2), verdict));
  }
}

function columns(task = '', name = '', ...values: string[]): string {
  return `${task.padEnd(12)}${name.padEnd(19)}${values.map((value) => value.padEnd(21)).join('')}`.trimEnd();
}

function reportSizes(report: Report, executable: string): void {
  report(`size of the executable: ${megabytes(executable).toFixed(1)} MB`);
  const archive = join(root, 'release', `fairlead-linux-${ownArchitecture}.tar.gz`);
  if (!existsSync(archive)) {
    report('size of the archive: none is in release/; `npm run release` makes it');
    return;
  }
  const size = megabytes(archive);
  const verdict = `at most ${targetSize}: ${size <= targetSize ? 'reached' : 'missed'}`;
  report(`size of the archive in release/: ${size.toFixed(1)} MB, ${verdict}`);
}

function megabytes(file: string): number {
  return statSync(file).size / 1e6;
}
