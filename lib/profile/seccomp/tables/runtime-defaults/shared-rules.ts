import type { SeccompArg } from '../../model.ts';
import { allow, type RuntimeDefaultRule } from './table.ts';

export const eperm = 1;
export const einval = 22;
export const enosys = 38;

/** PER_LINUX, PER_LINUX32, UNAME26, both, and the query for the present one. */
export const usualPersonalities: readonly RuntimeDefaultRule[] = [0x0n, 0x8n, 0x2_0000n, 0x2_0008n, 0xffff_ffffn].map(
  (value) => allow('personality', undefined, [{ index: 0, value, op: 'SCMP_CMP_EQ' }]),
);

/**
 * Returns the condition that the flags of clone have none of
 * CLONE_NEW{NS,UTS,IPC,USER,PID,NET,CGROUP}.
 */
export function createsNoNamespace(index: number): readonly SeccompArg[] {
  return [{ index, value: 0x7e02_0000n, valueTwo: 0n, op: 'SCMP_CMP_MASKED_EQ' }];
}

/** Every domain but AF_VSOCK, which is 40. */
export const exceptVsock: readonly RuntimeDefaultRule[] = [
  allow('socket', undefined, [{ index: 0, value: 40n, op: 'SCMP_CMP_NE' }]),
];

/** Every domain but AF_VSOCK and AF_ALG, which is 38 (CVE-2026-31431). */
export const exceptVsockAndAlg: readonly RuntimeDefaultRule[] = [
  allow('socket', undefined, [{ index: 0, value: 38n, op: 'SCMP_CMP_LT' }]),
  allow('socket', undefined, [{ index: 0, value: 39n, op: 'SCMP_CMP_EQ' }]),
  allow('socket', undefined, [{ index: 0, value: 40n, op: 'SCMP_CMP_GT' }]),
];
