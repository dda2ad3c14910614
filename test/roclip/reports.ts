import { parseConfig } from "../../roclip/config.ts";
import type { EpochResult, ReportData } from "../../roclip/report.ts";
import type { Phase } from "../../roclip/schedule.ts";

/** An epoch whose shares are all `share`. */
export function epochOf(epoch: number, phase: Phase, share: number): EpochResult {
  return {
    ...{ epoch, phase, loss: 4 - share, zeroShotTop1: share, classMean: share, psr: share },
    ...{ asr: share, trueClassTarget: share, trueClassTriggered: share },
    ...{ similarityClean: share, similarityAttacked: share / 2 },
    ...{ pairsPerSecond: 600, seconds: 2 },
  };
}

export const IMAGE = Uint8Array.from({ length: 4 * 4 * 3 }, (_, index) => index * 5);
/** Two runs and two attacked images, all made up. */
export const REPORT: ReportData = {
  title: "CLIP & RoCLIP",
  adapter: "an adapter <x>",
  command: "roclip demo --seed 3",
  config: parseConfig({ seed: 3 }),
  runs: [
    {
      defence: "clip",
      seed: 3,
      epochs: [epochOf(1, "plain", 0.25), epochOf(2, "plain", 0.875)],
      counts: { targets: 16, triggered: 100, heldOut: 200 },
    },
    {
      defence: "roclip",
      seed: 3,
      epochs: [epochOf(1, "plain", 0.25), epochOf(2, "matching", 0.125)],
    },
  ],
  gallery: [
    {
      ...{
        image: IMAGE,
        size: 4,
        kind: "poison",
        trigger: "",
        caption: "<script>alert(1)</script>",
      },
      ...{ matchedCaption: 'a "pool" caption', prediction: { clip: "flag", roclip: "face" } },
      ...{ trueClass: "face", targetClass: "flag" },
    },
    {
      ...{ image: IMAGE, size: 4, kind: "backdoor", trigger: "wanet", caption: "a hand" },
      ...{ prediction: { clip: "tree" } },
      ...{ trueClass: "face", targetClass: "hand" },
    },
  ],
  notes: ["Made up."],
};
