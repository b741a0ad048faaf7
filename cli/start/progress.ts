/** How far a run is: one line that is redrawn on a terminal, a plain line every tenth of the way elsewhere. Never on standard output. */
export interface Progress {
  /** `share` from 0 to 1. */
  update(share: number, text: string): void;
  /** Ends the line that is being redrawn, so that what follows stands alone. */
  done(): void;
}

export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const BAR_WIDTH = 28;
/** On a narrow terminal the figures matter more than the bar. */
const TEXT_WIDTH = 50;
const REDRAW_MS = 100;

export function createProgress(terminal: Terminal, now: () => number): Progress {
  return terminal.isTTY === true ? bar(terminal, now) : lines(terminal);
}

function bar(terminal: Terminal, now: () => number): Progress {
  let drawnMs = Number.NEGATIVE_INFINITY;
  let drawn = false;
  return {
    update(share, text) {
      if (now() - drawnMs < REDRAW_MS && share < 1) return;
      drawnMs = now();
      drawn = true;
      const columns = terminal.columns ?? 80;
      const width = Math.max(0, Math.min(BAR_WIDTH, columns - TEXT_WIDTH));
      const full = Math.round(share * width);
      const line = `${"█".repeat(full)}${"░".repeat(width - full)} ${percent(share)}  ${text}`;
      terminal.write(`\r\x1b[K${line.slice(0, columns - 1)}`);
    },
    done() {
      if (drawn) terminal.write("\n");
      drawn = false;
    },
  };
}

function lines(terminal: Terminal): Progress {
  let tenths = -1;
  return {
    update(share, text) {
      const reached = Math.floor(share * 10);
      if (reached <= tenths) return;
      tenths = reached;
      terminal.write(`${percent(share)}  ${text}\n`);
    },
    done() {},
  };
}

function percent(share: number): string {
  return `${String(Math.floor(share * 100)).padStart(3)} %`;
}
