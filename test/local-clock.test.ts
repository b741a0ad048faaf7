import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { realClock, virtualClock } from "../local/clock.ts";

describe("the virtual clock", () => {
  it("runs actions by time, then by order of scheduling, each at its own time, and leaves out cancelled ones", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ atMs: fc.nat({ max: 20 }), cancelled: fc.boolean() }), { maxLength: 60 }),
        async (plan) => {
          const clock = virtualClock(0);
          const ran: string[] = [];
          const timers = plan.map(({ atMs }, order) => clock.at(atMs, () => void ran.push(`${clock.now()}:${order}`)));
          plan.forEach(({ cancelled }, order) => {
            if (cancelled) clock.cancel(timers[order] as (typeof timers)[number]);
          });
          const expected = plan
            .map(({ atMs, cancelled }, order) => ({ atMs, cancelled, order }))
            .filter(({ cancelled }) => !cancelled)
            .sort((a, b) => a.atMs - b.atMs || a.order - b.order);
          expect(clock.pending).toBe(expected.length);
          await clock.runUntilIdle();
          expect(ran).toEqual(expected.map(({ atMs, order }) => `${atMs}:${order}`));
          expect(clock.pending).toBe(0);
        },
      ),
    );
  });

  it("awaits each action before the next and stands still meanwhile", async () => {
    const clock = virtualClock(0);
    const ran: string[] = [];
    clock.at(10, async () => {
      ran.push(`begin ${clock.now()}`);
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
      ran.push(`end ${clock.now()}`);
    });
    clock.at(10, () => void ran.push(`next ${clock.now()}`));
    clock.at(11, () => void ran.push(`later ${clock.now()}`));
    await clock.advanceTo(11);
    expect(ran).toEqual(["begin 10", "end 10", "next 10", "later 11"]);
  });

  it("runs what actions schedule, and does not run at once what is scheduled for the past but never goes back", async () => {
    const clock = virtualClock(100);
    const ran: number[] = [];
    clock.at(150, () => {
      clock.at(120, () => void ran.push(clock.now()));
      clock.at(160, () => void ran.push(clock.now()));
      expect(ran).toEqual([]);
    });
    await clock.advanceTo(200);
    expect(ran).toEqual([150, 160]);
    expect(clock.now()).toBe(200);
  });

  it("runs what is due at the time it advances to, and keeps the rest", async () => {
    const clock = virtualClock(0);
    const ran: number[] = [];
    for (const atMs of [5, 6]) clock.at(atMs, () => void ran.push(atMs));
    await clock.advanceTo(5);
    expect(ran).toEqual([5]);
    expect(clock.pending).toBe(1);
  });

  it("rejects with the error of an action, stands at its time, and can go on", async () => {
    const clock = virtualClock(0);
    const ran: number[] = [];
    clock.at(5, () => Promise.reject(new Error("broken")));
    clock.at(6, () => void ran.push(6));
    await expect(clock.advanceTo(10)).rejects.toThrow("broken");
    expect(clock.now()).toBe(5);
    await clock.advanceTo(10);
    expect(ran).toEqual([6]);
  });

  it("refuses to go back, to advance twice at once, and a time that is none", async () => {
    const clock = virtualClock(10);
    await expect(clock.advanceTo(9)).rejects.toThrow("cannot go back");
    clock.at(11, () => clock.advanceTo(12));
    await expect(clock.advanceTo(20)).rejects.toThrow("already advancing");
    expect(() => clock.at(Number.NaN, () => {})).toThrow("epoch milliseconds");
  });

  it("takes a cancelled or finished timer again without harm", async () => {
    const clock = virtualClock(0);
    const timer = clock.at(1, () => {});
    clock.cancel(timer);
    clock.cancel(timer);
    const done = clock.at(2, () => {});
    await clock.runUntilIdle();
    clock.cancel(done);
    expect(clock.pending).toBe(0);
  });
});

describe("the real clock", () => {
  afterEach(() => void vi.useRealTimers());

  it("runs actions when the machine's time has come, beyond the reach of one setTimeout too", () => {
    vi.useFakeTimers({ now: 1000 });
    const clock = realClock();
    const ran: string[] = [];
    const farMs = 1000 + 2 ** 31 + 5000;
    clock.at(500, () => void ran.push("past"));
    clock.at(2000, () => void ran.push("soon"));
    clock.at(farMs, () => void ran.push("far"));
    clock.cancel(clock.at(1500, () => void ran.push("cancelled")));
    vi.advanceTimersByTime(1000);
    expect(ran).toEqual(["past", "soon"]);
    vi.advanceTimersByTime(2 ** 31 + 3999);
    expect(ran).toEqual(["past", "soon"]);
    vi.advanceTimersByTime(1);
    expect(ran).toEqual(["past", "soon", "far"]);
  });

  it("runs nothing more after it is stopped", () => {
    vi.useFakeTimers({ now: 1000 });
    const clock = realClock();
    const action = vi.fn();
    clock.at(2000, action);
    clock.stop();
    vi.advanceTimersByTime(5000);
    expect(action).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("hands the error of an action to whoever asked for it", async () => {
    vi.useFakeTimers({ now: 1000 });
    const errors: unknown[] = [];
    const clock = realClock({ onError: (error) => errors.push(error) });
    clock.at(1001, () => Promise.reject(new Error("later")));
    clock.at(1002, () => {
      throw new Error("at once");
    });
    await vi.advanceTimersByTimeAsync(10);
    expect(errors).toEqual([new Error("later"), new Error("at once")]);
  });
});
