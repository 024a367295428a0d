import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseKernelRecord } from './kernel-record.ts';

// Recorded on Linux 6.1 and 6.18.
const call =
  'audit: type=1326 audit(1795909631.638:18144): auid=4294967295 uid=101 gid=101 ses=4294967295 pid=13145 comm="nginx" ' +
  'exe="/usr/sbin/nginx" sig=0 arch=c000003e syscall=90 compat=0 ip=0x7f21d5c392d9 code=0x7ffc0000';
const access =
  'audit: type=1400 audit(1795909631.700:18145): apparmor="ALLOWED" operation="open" profile="fairlead/ab" name="/etc/group" ' +
  'pid=149 comm="cat" requested_mask="r" denied_mask="r" fsuid=0 ouid=0';

describe('parseKernelRecord', () => {
  it('reads a call that seccomp has logged', () => {
    const expected = { kind: 'Seccomp', time: 1795909631638, pid: 13145, program: '/usr/sbin/nginx', syscall: 'chmod' };
    assert.deepEqual(parseKernelRecord(call), expected);
    const labelled = call.replace('pid=13145', 'subj=fairlead/ab (complain) pid=13145');
    assert.deepEqual(parseKernelRecord(labelled), expected);
    const guest = call.replace('c000003e syscall=90 compat=0', '40000003 syscall=20 compat=1');
    assert.deepEqual(parseKernelRecord(guest), { ...expected, syscall: 'getpid' });
    const init = call.replace('comm="nginx" exe="/usr/sbin/nginx"', 'comm="runc:[2:INIT]" exe="/"');
    assert.deepEqual(parseKernelRecord(init), { ...expected, program: 'runc:[2:INIT]' });
    const hex = call.replace('exe="/usr/sbin/nginx"', 'exe=2F62696E2F6120620A');
    assert.deepEqual(parseKernelRecord(hex), { ...expected, program: '/bin/a b\n' });
  });

  it('does not take a call that a filter has refused', () => {
    for (const code of ['0x80000000', '0x50000', '0x7ff00000']) {
      assert.equal(parseKernelRecord(call.replace('0x7ffc0000', code)), undefined);
    }
  });

  it('reads an access that AppArmor has logged, with what it is about', () => {
    const expected = {
      ...{ kind: 'AppArmor', time: 1795909631700, pid: 149, profile: 'fairlead/ab', operation: 'open' },
      ...{ subject: '/etc/group', isPermitted: false },
    };
    assert.deepEqual(parseKernelRecord(access), expected);
    const child = access.replace('"fairlead/ab"', '"fairlead/ab//null-/bin/busybox"');
    assert.deepEqual(parseKernelRecord(child), expected);
    const about = (operation: string, fields: string) => {
      const text = access.replace('"open"', JSON.stringify(operation)).replace('name="/etc/group"', fields);
      const record = parseKernelRecord(text);
      return record?.kind === 'AppArmor' && [record.operation, record.subject];
    };
    assert.deepEqual(about('capable', 'capability=13  capname="net_raw"'), ['capable', 'net_raw']);
    assert.deepEqual(about('create', 'family="inet" sock_type="dgram" protocol=0'), ['create', 'inet dgram']);
    assert.deepEqual(about('signal', 'signal=term peer="unconfined"'), ['signal', 'term unconfined']);
    assert.deepEqual(about('mount', 'name="/mnt/" fstype="tmpfs" srcname="tmpfs"'), ['mount', '/mnt/ tmpfs']);
    assert.deepEqual(about('link', 'name="/tmp/b" target="/tmp/a"'), ['link', '/tmp/b /tmp/a']);
    const executed = access.replace('ALLOWED', 'AUDIT').replace('"open"', '"exec"').concat(' target="fairlead/ab"');
    assert.deepEqual(parseKernelRecord(executed), { ...expected, operation: 'exec', isPermitted: true });
    assert.equal(parseKernelRecord(access.replace('ALLOWED', 'DENIED')), undefined);
    assert.equal(parseKernelRecord(access.replace('ALLOWED', 'STATUS')), undefined);
  });

  it('reads how many records were not printed', () => {
    for (const name of ['kauditd_printk_skb', 'audit: audit_printk_skb']) {
      assert.deepEqual(parseKernelRecord(`${name}: 17 callbacks suppressed`), { kind: 'Suppressed', count: 17 });
    }
  });

  it('returns undefined for other records, and for what imitates one', () => {
    assert.equal(parseKernelRecord('eth0: link becomes ready'), undefined);
    assert.equal(parseKernelRecord(call.replace('1326', '1701')), undefined);
    assert.equal(parseKernelRecord(`a program wrote ${call}`), undefined);
    assert.equal(parseKernelRecord(call.replace('pid=13145 ', '')), undefined);
  });

  it('does not take the message of a program for a report of the kernel', () => {
    // A program with CAP_AUDIT_WRITE sends it. The log cuts a long one, here right before its end.
    const text = `audit: type=1107 audit(1.0:1): pid=7 msg='${'x'.repeat(900)} kauditd_printk_skb: 99 callbacks suppressed`;
    assert.equal(parseKernelRecord(text), undefined);
  });

  it('is not misled by names that programs choose', () => {
    const record = parseKernelRecord(call.replace('comm="nginx"', 'comm=78206578653D222F7822'));
    assert.equal(record?.kind === 'Seccomp' && record.program, '/usr/sbin/nginx');
  });
});
