import type { Config } from "../config.ts";
import type { Phase } from "../schedule.ts";

/** How a model was trained. */
export type Defence = Config["defence"];

/** What one epoch of a run came to. Shares are in [0, 1]; NaN where nothing was measured. */
export interface EpochResult {
  /** From 1. */
  readonly epoch: number;
  /** What the epoch trained by; "matching": images were matched with the caption pool. */
  readonly phase: Phase;
  /** Mean training loss. */
  readonly loss: number;
  readonly zeroShotTop1: number;
  readonly classMean: number;
  /** Poison success rate, top-1. */
  readonly psr: number;
  readonly psrTop5?: number;
  /** Backdoor (attack) success rate. */
  readonly asr: number;
  /** Share of poisoned images classified as their true class. */
  readonly trueClassTarget: number;
  /** Share of triggered images classified as their true class. */
  readonly trueClassTriggered: number;
  /** Mean similarity of clean training pairs, and of attacked ones; in [-1, 1]. */
  readonly similarityClean?: number;
  readonly similarityAttacked?: number;
  readonly pairsPerSecond: number;
  readonly seconds: number;
}

/** One training run. */
export interface RunResult {
  readonly defence: Defence;
  readonly seed: number;
  readonly epochs: readonly EpochResult[];
  /** Images the rates are over; with them the report gives 95% intervals. */
  readonly counts?: {
    readonly targets: number;
    readonly triggered: number;
    readonly heldOut: number;
  };
}

/** One attacked image. */
export interface GalleryItem {
  readonly image: Uint8Array; // u8[size, size, 3], RGB
  readonly size: number;
  readonly kind: "poison" | "backdoor";
  /** Kind of a backdoor's trigger; "" for poison. */
  readonly trigger: string;
  /** A caption it was trained with. */
  readonly caption: string;
  /** The pool caption RoCLIP matched it to. */
  readonly matchedCaption?: string;
  /** Class each model gives the image at the end. */
  readonly prediction: Readonly<Partial<Record<Defence, string>>>;
  readonly trueClass: string;
  readonly targetClass: string;
}

/** Everything a report shows. */
export interface ReportData {
  readonly title: string;
  /** Name of the adapter the run was made on. */
  readonly adapter: string;
  /** The command that makes the run again. */
  readonly command: string;
  readonly config: Config;
  readonly runs: readonly RunResult[];
  readonly gallery: readonly GalleryItem[];
  /** Shown as they are, one paragraph each. */
  readonly notes: readonly string[];
}

/** A defence as people write it. */
export const DEFENCE_NAMES: Readonly<Record<Defence, string>> = {
  clip: "CLIP",
  roclip: "RoCLIP",
  safeclip: "SafeCLIP",
  cleanclip: "CleanCLIP",
};

/** All defences, CLIP first. */
export const DEFENCES = Object.keys(DEFENCE_NAMES) as readonly Defence[];
