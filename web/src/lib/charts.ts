// ECharts, only what the report draws, and the options of its charts.
import { CustomChart, LineChart, BarChart } from 'echarts/charts';
import { GridComponent, MarkLineComponent, TooltipComponent } from 'echarts/components';
import * as core from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { EChartsCoreOption, EChartsType } from 'echarts/core';
import type { CustomSeriesRenderItemAPI, CustomSeriesRenderItemParams } from 'echarts';
import { roundScale, spread, type PlottedBin } from './figures.ts';
import type { Palette } from './palette.ts';

core.use([
  BarChart,
  CustomChart,
  GridComponent,
  LineChart,
  MarkLineComponent,
  SVGRenderer,
  TooltipComponent,
]);

export type ChartOption = EChartsCoreOption;
export type ChartInstance = EChartsType;

export function createChart(host: HTMLElement, width: number, height: number): ChartInstance {
  return core.init(host, null, { renderer: 'svg', width, height });
}

export function escapeHtml(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
  };
  return text.replace(/[&<>"]/g, (c) => entities[c] ?? c);
}

/** Rows of a tooltip: what, and the figure at the end of the line. */
function tooltipText(title: string, rows: readonly (readonly [string, string, string?])[]): string {
  const lines = rows.map(([name, figure, colour]) => {
    const mark = colour
      ? `<span style="display:inline-block;width:.65em;height:.65em;border-radius:2px;margin-right:.5em;background:${colour}"></span>`
      : '';
    return `<tr><td>${mark}${escapeHtml(name)}</td><td style="text-align:right;padding-left:1em;font-weight:600">${escapeHtml(figure)}</td></tr>`;
  });
  return `<div style="margin-bottom:.25em">${escapeHtml(title)}</div><table>${lines.join('')}</table>`;
}

function base(palette: Palette): ChartOption {
  return {
    animation: false,
    textStyle: { fontFamily: 'inherit', color: palette.soft, fontSize: 12 },
    tooltip: {
      trigger: 'axis',
      confine: true,
      backgroundColor: palette.card,
      borderColor: palette.line,
      textStyle: { color: palette.ink, fontSize: 12 },
      axisPointer: { type: 'line', lineStyle: { color: palette.soft, type: 'solid' } },
    },
  };
}

function axis(palette: Palette): Record<string, unknown> {
  return {
    axisLine: { lineStyle: { color: palette.line } },
    axisTick: { show: false },
    axisLabel: { color: palette.soft, hideOverlap: true },
    splitLine: { lineStyle: { color: palette.line, opacity: 0.6 } },
    nameTextStyle: { color: palette.soft },
  };
}

/** Figures of an axis or a tooltip as text. */
export type Say = (value: number) => string;

export interface Line {
  name: string;
  colour: string;
  values: readonly (number | null)[];
}

const PLOT_TOP = 16;
const SYMBOLS = [
  'circle',
  'rect',
  'triangle',
  'diamond',
  'emptyCircle',
  'emptyRect',
  'pin',
  'arrow',
];

/** Lines over periods, each named at its end. */
export function linesOption(
  palette: Palette,
  labels: readonly string[],
  lines: readonly Line[],
  say: Say,
  sayShort: Say,
  size: { height: number; narrow: boolean; whole: boolean },
): ChartOption {
  const scale = roundScale(
    lines.flatMap((line) => line.values.filter((value) => value !== null)),
    size.whole,
  );
  const plotHeight = size.height - PLOT_TOP - 28; // about: labels of the axis are below
  const ends = lines.map((line) => {
    const last = line.values[line.values.length - 1] ?? 0;
    return ((scale.max - last) / (scale.max - scale.min)) * plotHeight;
  });
  const labelled = spread(ends, 15, plotHeight);
  return {
    ...base(palette),
    grid: {
      left: 8,
      right: size.narrow ? 16 : 180,
      top: PLOT_TOP,
      bottom: 8,
      containLabel: true,
    },
    xAxis: { ...axis(palette), type: 'category', data: [...labels], boundaryGap: false },
    yAxis: {
      ...axis(palette),
      type: 'value',
      min: scale.min,
      max: scale.max,
      interval: scale.step,
      axisLine: { show: false },
      axisLabel: { color: palette.soft, formatter: sayShort },
    },
    tooltip: {
      ...(base(palette)['tooltip'] as object),
      formatter: (points: { dataIndex: number }[]) => {
        const at = points[0]?.dataIndex ?? 0;
        const rows = lines
          .map((line) => [line, line.values[at] ?? null] as const)
          .filter((row): row is readonly [Line, number] => row[1] !== null)
          .sort((a, b) => b[1] - a[1])
          .map(([line, value]) => [line.name, say(value), line.colour] as const);
        return tooltipText(labels[at] ?? '', rows);
      },
    },
    series: lines.map((line, i) => ({
      type: 'line',
      name: line.name,
      data: [...line.values],
      symbol: SYMBOLS[i % SYMBOLS.length],
      symbolSize: 6,
      showAllSymbol: 'auto',
      lineStyle: { width: 2.25, color: line.colour },
      itemStyle: { color: line.colour },
      emphasis: { disabled: true },
      endLabel: {
        show: !size.narrow,
        offset: [0, (labelled[i] ?? 0) - (ends[i] ?? 0)],
        color: line.colour,
        distance: 8,
        width: 165,
        overflow: 'truncate',
        formatter: '{a}',
      },
    })),
  };
}

/** Bars over periods; the last one is paler while its period is not over. */
export function barsOption(
  palette: Palette,
  labels: readonly string[],
  name: string,
  values: readonly number[],
  say: Say,
  sayShort: Say,
  isLastPartial: boolean,
): ChartOption {
  return {
    ...base(palette),
    grid: { left: 8, right: 8, top: 16, bottom: 8, containLabel: true },
    xAxis: { ...axis(palette), type: 'category', data: [...labels] },
    yAxis: {
      ...axis(palette),
      type: 'value',
      minInterval: 1,
      axisLine: { show: false },
      axisLabel: { color: palette.soft, formatter: sayShort },
    },
    tooltip: {
      ...(base(palette)['tooltip'] as object),
      axisPointer: { type: 'none' },
      formatter: (points: { dataIndex: number }[]) => {
        const at = points[0]?.dataIndex ?? 0;
        return tooltipText(labels[at] ?? '', [[name, say(values[at] ?? 0), palette.accent]]);
      },
    },
    series: [
      {
        type: 'bar',
        name,
        data: values.map((value, i) => ({
          value,
          itemStyle: { opacity: isLastPartial && i === values.length - 1 ? 0.5 : 1 },
        })),
        barCategoryGap: '22%',
        itemStyle: { color: palette.accent, borderRadius: [2, 2, 0, 0] },
        emphasis: { disabled: true },
      },
    ],
  };
}

export interface HistogramText {
  bin: (index: number) => string;
  axis: Say;
  count: Say;
  customers: string;
  /** Only whole numbers make sense on the axis. */
  whole: boolean;
}

/** A histogram on a true axis, with lines at some quantiles. */
export function histogramOption(
  palette: Palette,
  bins: readonly PlottedBin[],
  marks: readonly { name: string; at: number }[],
  text: HistogramText,
): ChartOption {
  const low = bins[0]?.from ?? 0;
  const high = bins[bins.length - 1]?.to ?? 1;
  const renderItem = (_: CustomSeriesRenderItemParams, api: CustomSeriesRenderItemAPI) => {
    const [left = 0, top = 0] = api.coord([api.value(0), api.value(2)]);
    const [right = 0, bottom = 0] = api.coord([api.value(1), 0]);
    const open = api.value(3) === 1;
    return {
      type: 'rect',
      shape: { x: left + 0.5, y: top, width: Math.max(1, right - left - 1), height: bottom - top },
      style: { fill: palette.accent, opacity: open ? 0.5 : 0.85 },
    };
  };
  return {
    ...base(palette),
    grid: { left: 8, right: 12, top: 28, bottom: 8, containLabel: true },
    xAxis: {
      ...axis(palette),
      type: 'value',
      min: low,
      max: high,
      splitLine: { show: false },
      minInterval: text.whole ? 1 : 0,
      axisLabel: {
        color: palette.soft,
        hideOverlap: true,
        showMinLabel: low === Math.round(low),
        showMaxLabel: !bins[bins.length - 1]?.open && high === Math.round(high),
        formatter: text.axis,
      },
    },
    yAxis: {
      ...axis(palette),
      type: 'value',
      splitNumber: 3,
      minInterval: 1,
      axisLine: { show: false },
      axisLabel: { color: palette.soft, formatter: text.count },
    },
    tooltip: {
      ...(base(palette)['tooltip'] as object),
      trigger: 'item',
      formatter: (point: { dataIndex: number }) => {
        const bin = bins[point.dataIndex];
        if (!bin) return '';
        return tooltipText(text.bin(point.dataIndex), [[text.customers, text.count(bin.count)]]);
      },
    },
    series: [
      {
        type: 'custom',
        z: 3,
        encode: { x: [0, 1], y: 2 },
        data: bins.map((bin) => [bin.from, bin.to, bin.count, bin.open ? 1 : 0]),
        renderItem,
        markLine: {
          symbol: 'none',
          silent: true,
          animation: false,
          lineStyle: { color: palette.ink, type: 'dashed', width: 1 },
          label: { color: palette.ink, fontSize: 11, formatter: '{b}' },
          data: marks
            .filter((mark) => mark.at >= low && mark.at <= high)
            .map((mark) => ({
              name: mark.name,
              xAxis: mark.at,
              // The text stays over the plot: right of the line in the left half, else left of it.
              label: { align: mark.at < (low + high) / 2 ? 'left' : 'right' },
            })),
        },
      },
    ],
  };
}

/** Share of value over share of customers, beside the line of equal customers. */
export function lorenzOption(
  palette: Palette,
  points: readonly { customers: number; value: number }[],
  marks: readonly { customers: number; value: number }[],
  say: Say,
  names: { customers: string; value: string },
): ChartOption {
  const top = Math.max(1, ...points.map((point) => point.value));
  return {
    ...base(palette),
    grid: { left: 8, right: 24, top: 28, bottom: 28, containLabel: true },
    xAxis: {
      ...axis(palette),
      type: 'value',
      min: 0,
      max: 1,
      name: names.customers,
      nameLocation: 'middle',
      nameGap: 30,
      axisLabel: { color: palette.soft, formatter: say },
    },
    yAxis: {
      ...axis(palette),
      type: 'value',
      min: 0,
      max: Math.ceil(top * 10) / 10,
      name: names.value,
      nameTextStyle: { color: palette.soft, align: 'left' },
      axisLine: { show: false },
      axisLabel: { color: palette.soft, formatter: say },
    },
    tooltip: {
      ...(base(palette)['tooltip'] as object),
      formatter: (hits: { data: [number, number] }[]) => {
        const [customers, value] = hits[0]?.data ?? [0, 0];
        return tooltipText('', [
          [names.customers, say(customers)],
          [names.value, say(value), palette.accent],
        ]);
      },
    },
    series: [
      {
        type: 'line',
        data: points.map((point) => [point.customers, point.value]),
        showSymbol: false,
        lineStyle: { width: 2.5, color: palette.accent },
        itemStyle: { color: palette.accent },
        areaStyle: { color: palette.accent, opacity: 0.12 },
        emphasis: { disabled: true },
      },
      {
        type: 'line',
        silent: true,
        tooltip: { show: false },
        data: marks.map((mark) => [mark.customers, mark.value]),
        symbol: 'circle',
        symbolSize: 9,
        lineStyle: { opacity: 0 },
        itemStyle: { color: palette.card, borderColor: palette.accent, borderWidth: 2.5 },
        label: {
          show: true,
          position: 'right',
          offset: [2, 9],
          color: palette.ink,
          fontSize: 12,
          formatter: ({ data }: { data: [number, number] }) => `${say(data[0])} → ${say(data[1])}`,
        },
        emphasis: { disabled: true },
      },
      {
        type: 'line',
        silent: true,
        data: [
          [0, 0],
          [1, 1],
        ],
        showSymbol: false,
        lineStyle: { color: palette.soft, width: 1, type: 'dashed' },
        emphasis: { disabled: true },
      },
    ],
  };
}
