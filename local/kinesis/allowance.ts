/**
 * So much per second, as a tank that holds one second's worth and refills evenly. Whoever finds anything left may take all it needs; what
 * it takes too much is a debt that must refill first. So a record larger than a second's worth gets through, and over time
 * no more passes than the rate.
 */
export interface Allowance {
  /** Something is left. */
  readonly open: boolean;
  /** When that will be, or now. */
  readonly opensAtMs: number;
  /** More than a second's worth blocks for as many seconds as it is worth, whatever was left. */
  take(amount: number): void;
}

export function createAllowance(perSecond: number, now: () => number): Allowance {
  let left = perSecond;
  let filledMs = now();
  const refill = (): void => {
    const nowMs = now();
    left = Math.min(perSecond, left + ((nowMs - filledMs) * perSecond) / 1000);
    filledMs = nowMs;
  };
  return {
    get open() {
      refill();
      return left > 0;
    },
    get opensAtMs() {
      refill();
      return left > 0 ? filledMs : filledMs + Math.floor((-left * 1000) / perSecond) + 1;
    },
    take(amount) {
      refill();
      left = amount > perSecond ? -amount : left - amount;
    },
  };
}
