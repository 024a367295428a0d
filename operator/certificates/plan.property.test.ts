import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Material, parseSecretData, type SecretData, toSecretData } from './material.ts';
import { carryOut, type Durations, defaultDurations, planCertificates, type Step } from './plan.ts';

const hour = 60 * 60 * 1000;
const day = 24 * hour;
const durations: Durations = { ...defaultDurations, authority: 30 * day, serving: 8 * day };
const names = ['fairlead-operator.fairlead-system.svc', '192.0.2.1'];
const begin = new Date('2026-11-29T00:00:00Z').getTime();

/** The Secret, the trust of API servers, and the time. */
class Cluster {
  now = begin;
  data: SecretData = {};
  /** What API servers trust. */
  trusted: readonly string[] = [];
  steps: Step[] = [];

  get material(): Material | undefined {
    try {
      return parseSecretData(this.data);
    } catch {
      return undefined;
    }
  }

  /** Does what replicas do; they may be kept from changing what API servers trust. */
  settle(canInject: boolean, wanted: readonly string[] = names): void {
    this.steps = [];
    for (;;) {
      const { material } = this;
      const isTrustInForce = material?.trusted.join() === this.trusted.join();
      const situation = { material, names: wanted, isTrustInForce, now: new Date(this.now) };
      const step = planCertificates(situation, durations);
      if (step !== 'keep') {
        this.steps.push(step);
        assert.ok(this.steps.length <= 5, this.steps.join());
        this.data = toSecretData(carryOut(step, situation, durations));
      }
      if (canInject) this.trusted = this.material?.trusted ?? [];
      if (step === 'keep') return;
    }
  }

  /** Whether API servers accept a serving certificate. */
  accepts(serving: string): boolean {
    const certificate = new X509Certificate(serving);
    const isValid = ({ validFromDate, validToDate }: X509Certificate) =>
      validFromDate.getTime() <= this.now && validToDate.getTime() > this.now;
    return (
      isValid(certificate) &&
      this.trusted.some((each) => {
        const authority = new X509Certificate(each);
        return isValid(authority) && certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
      })
    );
  }
}

describe('the certificates of the operator', () => {
  it('are accepted at any time, before and after each replacement, if replicas look twice a day', () => {
    const passing = fc.array(fc.record({ hours: fc.integer({ min: 6, max: 12 }), canInject: fc.boolean() }), {
      minLength: 120,
      maxLength: 120,
    });
    fc.assert(
      fc.property(passing, (passed) => {
        const cluster = new Cluster();
        cluster.settle(true);
        let failedInjections = 0;
        for (const { hours, canInject } of passed) {
          const before = cluster.material?.serving.certificate ?? '';
          // A replica that has not looked yet shows the certificate before.
          cluster.now += hours * hour;
          failedInjections = canInject ? 0 : failedInjections + 1;
          cluster.settle(canInject || failedInjections > 3);
          assert.ok(!cluster.steps.includes('create'), cluster.steps.join());
          const after = cluster.material?.serving.certificate ?? '';
          assert.ok(cluster.accepts(after), 'the new one');
          assert.ok(cluster.accepts(before), 'the one before');
          assert.ok(cluster.trusted.length <= 3);
        }
      }),
      { numRuns: 5 },
    );
  });

  it('work again whatever time has passed, and whatever was done to the Secret', () => {
    const name = fc.constantFrom('tls.crt', 'tls.key', 'ca.crt', 'issuer.crt', 'issuer.key', 'next-issuer.crt', 'x');
    const damage = fc.oneof(
      fc.record({ kind: fc.constant('remove' as const), name }),
      fc.record({ kind: fc.constant('write' as const), name, value: fc.base64String() }),
      fc.record({ kind: fc.constant('swap' as const), name, other: name }),
      fc.record({ kind: fc.constant('cut' as const), name, length: fc.nat(600) }),
      fc.record({ kind: fc.constant('empty' as const) }),
      // Backward too: the clock of an API server may be corrected.
      fc.record({ kind: fc.constant('pass' as const), days: fc.integer({ min: -100, max: 200 }) }),
      fc.record({ kind: fc.constant('rename' as const), name: fc.domain() }),
    );
    fc.assert(
      fc.property(fc.array(damage, { maxLength: 12 }), (damages) => {
        const cluster = new Cluster();
        cluster.settle(true);
        const wanted = new Set(names);
        for (const each of damages) {
          const { data } = cluster;
          if (each.kind === 'pass') cluster.now += each.days * day;
          else if (each.kind === 'empty') cluster.data = {};
          else if (each.kind === 'rename') wanted.add(each.name);
          else if (each.kind === 'write') cluster.data = { ...data, [each.name]: each.value };
          else if (each.kind === 'swap') cluster.data = { ...data, [each.name]: data[each.other] ?? '' };
          else if (each.kind === 'cut') {
            cluster.data = { ...data, [each.name]: (data[each.name] ?? '').slice(0, each.length) };
          } else cluster.data = Object.fromEntries(Object.entries(data).filter(([key]) => key !== each.name));
          cluster.settle(true, [...wanted]);
          const { material } = cluster;
          assert.ok(material !== undefined && cluster.accepts(material.serving.certificate));
          const certificate = new X509Certificate(material.serving.certificate);
          for (const name of wanted)
            assert.ok(isIP(name) ? certificate.checkIP(name) : certificate.checkHost(name), name);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('keep what a replica remembers trusted when the Secret is made again', () => {
    const cluster = new Cluster();
    cluster.settle(true);
    const remembered = cluster.material?.trusted ?? [];
    const situation = { material: undefined, remembered, names, isTrustInForce: false, now: new Date(cluster.now) };
    assert.equal(planCertificates(situation, durations), 'create');
    const { trusted } = carryOut('create', situation, durations);
    assert.equal(trusted.length, 2);
    assert.ok(trusted.includes(remembered[0] ?? ''));
  });

  it('are read from the Secret as they were written', () => {
    const cluster = new Cluster();
    cluster.settle(true);
    for (cluster.now += 19 * day; cluster.material?.next === undefined; cluster.now += day) cluster.settle(true);
    const { material } = cluster;
    assert.ok(material?.next !== undefined);
    assert.deepEqual(parseSecretData(toSecretData(material)), material);
  });
});
