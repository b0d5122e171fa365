// The ECharts options of each kind of chart.
const language = document.documentElement.lang || 'en';
const LINES = ['solid', 'dashed', 'dotted', [8, 3, 2, 3]];
const MARKS = ['circle', 'rect', 'triangle', 'diamond'];

function axisNumber(unit, currency) {
  const style = { maximumFractionDigits: 2 };
  if (unit === 'percent') Object.assign(style, { style: 'percent', maximumFractionDigits: 1 });
  if (unit === 'money' && currency) Object.assign(style, { style: 'currency', currency, notation: 'compact', minimumFractionDigits: 0 });
  if (unit === 'count') Object.assign(style, { notation: 'compact', maximumFractionDigits: 1 });
  const format = new Intl.NumberFormat(language, style);
  return (number) => format.format(number).replace(/^-/, '\u2212');
}

// Built as elements, not as HTML text: a strict content security policy forbids style attributes in it.
function tip(head, rows) {
  const box = document.createElement('div');
  box.className = 'chart-tip';
  if (head) {
    const title = document.createElement('div');
    title.className = 'chart-tip-head';
    title.textContent = head;
    box.append(title);
  }
  for (const { name, colour, text } of rows) {
    const row = document.createElement('div');
    row.className = 'chart-tip-row';
    if (colour) {
      const swatch = document.createElement('span');
      swatch.className = 'chart-swatch chart-tip-mark';
      swatch.style.backgroundColor = colour;
      row.append(swatch);
    }
    const label = document.createElement('span');
    label.textContent = name;
    const value = document.createElement('span');
    value.className = 'chart-tip-text';
    value.textContent = text;
    row.append(label, value);
    box.append(row);
  }
  return box;
}

function frame(colours, more = {}) {
  return {
    textStyle: { fontFamily: colours.font, color: colours.ink },
    grid: { left: 4, right: 12, top: 12, bottom: 4, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel', ...more.grid },
    tooltip: {
      confine: true,
      backgroundColor: colours.surface,
      borderColor: colours.grid,
      textStyle: { color: colours.ink, fontFamily: colours.font },
      ...more.tooltip,
    },
  };
}

const label = (colours) => ({ color: colours.faint, fontSize: 12, hideOverlap: true });
const grid = (colours) => ({ lineStyle: { color: colours.grid } });

// The band between two bounds: an invisible line and, stacked on it, the filled difference.
function band(name, low, high, colour, more = {}) {
  const common = { type: 'line', stack: name, stackStrategy: 'all', symbol: 'none', silent: true, lineStyle: { opacity: 0 }, tooltip: { show: false }, emphasis: { disabled: true }, z: 1, ...more };
  return [
    { ...common, name: `${name}-low`, data: low },
    { ...common, name: `${name}-band`, data: high, areaStyle: { color: colour, opacity: 0.16 } },
  ];
}

function trend(spec, colours) {
  const many = spec.series.length > 4; // bands of many lines would hide each other
  const series = [];
  spec.series.forEach((one, place) => {
    const colour = colours.series(place);
    const known = (p) => p && p.v !== null && p.l !== null && p.h !== null;
    if (!many && one.points.some(known)) {
      series.push(...band(
        `band${place}`,
        one.points.map((p) => (known(p) ? p.l : null)),
        one.points.map((p) => (known(p) ? p.h - p.l : null)),
        colour,
      ));
    }
    const marks = place === 0 && spec.marks.length
      ? {
          markLine: {
            symbol: 'none',
            silent: true,
            animation: false,
            lineStyle: { color: colours.faint, type: 'dashed', width: 1 },
            label: { formatter: (mark) => mark.name, color: colours.ink, fontSize: 11, position: 'insideEndTop', rotate: 0, align: 'left', padding: [0, 0, 0, 4] },
            data: spec.marks.map((mark) => ({ xAxis: mark.at, name: mark.label })),
          },
        }
      : {};
    series.push({
      type: 'line',
      name: one.name,
      data: one.points.map((p) => p?.v ?? null),
      color: colour,
      lineStyle: { width: 2.5, type: LINES[place % LINES.length] },
      symbol: MARKS[place % MARKS.length],
      symbolSize: 7,
      showSymbol: one.points.length <= 40,
      connectNulls: false,
      z: 3,
      ...marks,
    });
  });
  return {
    option: {
      ...frame(colours, {
        grid: { top: spec.marks.length ? 26 : 12 },
        tooltip: {
          trigger: 'axis',
          formatter: (items) => {
            const at = items[0].dataIndex;
            return tip(spec.labels[at], spec.series
              .map((one, place) => ({ name: one.name, colour: colours.series(place), text: one.points[at]?.t }))
              .filter((row) => row.text));
          },
        },
      }),
      xAxis: { type: 'category', data: spec.labels, boundaryGap: false, axisLabel: { ...label(colours), margin: 12 }, axisLine: { onZero: false, lineStyle: { color: colours.grid } }, axisTick: { show: false } },
      yAxis: { type: 'value', scale: true, splitNumber: 4, axisLabel: { ...label(colours), formatter: axisNumber(spec.unit, spec.currency) }, splitLine: grid(colours) },
      series,
    },
  };
}

function bars(spec, colours, width) {
  const space = Math.min(220, Math.round(width * 0.36));
  const withN = spec.bars.some((bar) => bar.n);
  const whisker = (params, api) => {
    const bar = spec.bars[api.value(0)];
    const [left, y] = api.coord([bar.l, api.value(0)]);
    const [right] = api.coord([bar.h, api.value(0)]);
    const line = (x1, y1, x2, y2) => ({ type: 'line', shape: { x1, y1, x2, y2 }, style: { stroke: colours.ink, lineWidth: 1.5 } });
    return { type: 'group', silent: true, children: [line(left, y, right, y), line(left, y - 5, left, y + 5), line(right, y - 5, right, y + 5)] };
  };
  const ranged = spec.bars.map((bar, place) => [place, bar]).filter(([, bar]) => bar.l !== null && bar.h !== null);
  return {
    height: spec.bars.length * (withN ? 44 : 34) + 34,
    option: {
      ...frame(colours, {
        grid: { right: 64 },
        tooltip: { trigger: 'axis', axisPointer: { type: 'shadow', shadowStyle: { opacity: 0.15 } }, formatter: (items) => tip('', [{ name: spec.bars[items[0].dataIndex].label, colour: '', text: spec.bars[items[0].dataIndex].t }]) },
      }),
      xAxis: { type: 'value', splitNumber: 4, axisLabel: { ...label(colours), formatter: axisNumber(spec.unit, spec.currency) }, splitLine: grid(colours) },
      yAxis: {
        type: 'category',
        inverse: true,
        data: spec.bars.map((bar) => bar.label),
        axisTick: { show: false },
        axisLine: { show: false, onZero: false },
        axisLabel: {
          color: colours.ink,
          interval: 0,
          formatter: (name, place) => (spec.bars[place].n ? `{a|${name}}\n{n|${spec.bars[place].n}}` : `{a|${name}}`),
          width: space,
          overflow: 'truncate',
          rich: { a: { fontSize: 12.5, color: colours.ink, lineHeight: 17 }, n: { fontSize: 11, color: colours.faint, lineHeight: 14 } },
        },
      },
      series: [
        {
          type: 'bar',
          barMaxWidth: 20,
          data: spec.bars.map((bar) => ({ value: bar.v, itemStyle: bar.colour ? { color: colours.of(bar.colour) } : {} })),
          itemStyle: { color: colours.series(0), opacity: 0.85, borderRadius: 2 },
          cursor: spec.bars.some((bar) => bar.url) ? 'pointer' : 'default',
        },
        { type: 'custom', renderItem: whisker, data: ranged.map(([place, bar]) => [place, bar.l, bar.h]), encode: { x: [1, 2], y: 0 }, z: 5, silent: true, tooltip: { show: false } },
        // The value stands at the right edge, where no whisker crosses it.
        {
          type: 'custom',
          silent: true,
          tooltip: { show: false },
          data: spec.bars.map((bar, place) => [place, bar.v ?? 0]),
          encode: { x: 1, y: 0 },
          renderItem: (params, api) => ({
            type: 'text',
            x: params.coordSys.x + params.coordSys.width + 58,
            y: api.coord([0, api.value(0)])[1],
            style: { text: spec.bars[api.value(0)].s, align: 'right', verticalAlign: 'middle', fill: colours.ink, fontSize: 13, fontWeight: 600, fontFamily: colours.font },
          }),
          clip: false,
        },
      ],
    },
  };
}

function histogram(spec, colours) {
  return {
    option: {
      ...frame(colours, { tooltip: { trigger: 'axis', axisPointer: { type: 'shadow', shadowStyle: { opacity: 0.15 } }, formatter: (items) => tip('', [{ name: spec.bins[items[0].dataIndex].label, colour: '', text: spec.bins[items[0].dataIndex].t }]) } }),
      xAxis: { type: 'category', data: spec.bins.map((bin) => bin.label), axisLabel: label(colours), axisTick: { show: false }, axisLine: { lineStyle: { color: colours.grid } } },
      yAxis: { type: 'value', splitNumber: 4, minInterval: 1, axisLabel: { ...label(colours), formatter: axisNumber('count') }, splitLine: grid(colours) },
      series: [{ type: 'bar', barCategoryGap: '12%', data: spec.bins.map((bin) => bin.v), itemStyle: { color: colours.series(0), opacity: 0.85, borderRadius: [2, 2, 0, 0] } }],
    },
  };
}

function survival(spec, colours) {
  const series = [];
  spec.curves.forEach((curve, place) => {
    const colour = colours.series(place);
    const ranged = curve.points.filter((p) => p.l !== null && p.h !== null);
    if (ranged.length) {
      // ECharts does not step the lower edge of a stacked area, so the band is a polygon of its own.
      series.push({
        type: 'custom',
        silent: true,
        tooltip: { show: false },
        data: [[ranged[0].x, ranged[0].l]],
        z: 1,
        renderItem: (params, api) => {
          const edge = (key) => ranged.flatMap((p, i) => {
            const here = api.coord([p.x, p[key]]);
            return i ? [api.coord([p.x, ranged[i - 1][key]]), here] : [here];
          });
          return { type: 'polygon', silent: true, shape: { points: [...edge('h'), ...edge('l').reverse()] }, style: { fill: colour, opacity: 0.16 } };
        },
      });
    }
    series.push({ type: 'line', step: 'end', name: curve.name, color: colour, symbol: 'none', lineStyle: { width: 2.5, type: LINES[place % LINES.length] }, data: curve.points.map((p) => [p.x, p.v]), z: 3 });
  });
  const at = (curve, x) => curve.points.findLast?.((p) => p.x <= x) ?? curve.points.filter((p) => p.x <= x).pop();
  return {
    option: {
      ...frame(colours, {
        grid: { bottom: spec.axis ? 22 : 4 },
        tooltip: {
          trigger: 'axis',
          formatter: (items) => {
            const x = items[0].axisValue;
            const rows = spec.curves.map((curve, place) => ({ name: curve.name, colour: colours.series(place), point: at(curve, x) })).filter((row) => row.point);
            return tip(rows[0]?.point.at, rows.map((row) => ({ ...row, text: row.point.t })));
          },
        },
      }),
      xAxis: { type: 'value', min: 0, max: 'dataMax', name: spec.axis, nameLocation: 'middle', nameGap: 26, nameTextStyle: { color: colours.faint }, axisLabel: { ...label(colours), formatter: axisNumber('count') }, axisLine: { lineStyle: { color: colours.grid } }, splitLine: { show: false } },
      yAxis: { type: 'value', max: 1, min: 0, interval: 0.25, axisLabel: { ...label(colours), formatter: axisNumber('percent') }, splitLine: grid(colours) },
      series,
    },
  };
}

// Black or white, whichever is easier to read on that colour.
function textOn(colour) {
  const [r, g, b] = [1, 3, 5].map((i) => (parseInt(colour.slice(i, i + 2), 16) / 255) ** 2.2);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.2 ? '#111827' : '#ffffff';
}

function distribution(spec, colours, width) {
  const named = spec.stacks.some((stack) => stack.label);
  const room = named ? Math.min(200, Math.round(width * 0.33)) : 0;
  return {
    height: spec.stacks.length * 40 + 10,
    option: {
      ...frame(colours, {
        grid: { top: 2, bottom: 2 },
        tooltip: {
          trigger: 'axis',
          axisPointer: { type: 'none' },
          formatter: (items) => {
            const stack = spec.stacks[items[0].dataIndex];
            return tip(stack.label, spec.parts.map((part, i) => ({ name: part.name, colour: colours.of(part.colour), text: stack.parts[i].t })));
          },
        },
      }),
      xAxis: { type: 'value', max: 1, show: false },
      yAxis: {
        type: 'category', inverse: true, show: named, data: spec.stacks.map((stack) => stack.label),
        axisTick: { show: false }, axisLine: { show: false },
        axisLabel: { color: colours.ink, fontSize: 12.5, interval: 0, width: room, overflow: 'truncate' },
      },
      series: spec.parts.map((part, place) => ({
        type: 'bar',
        stack: 'all',
        name: part.name,
        barWidth: 26,
        itemStyle: { color: colours.of(part.colour), borderColor: colours.surface, borderWidth: 1 },
        label: { show: true, color: textOn(colours.of(part.colour)), fontSize: 12, formatter: (item) => (item.value * (width - room) > 52 ? spec.stacks[item.dataIndex].parts[place].s : '') },
        emphasis: { disabled: true },
        data: spec.stacks.map((stack) => stack.parts[place]?.v ?? 0),
      })),
    },
  };
}

function bubbles(spec, colours, width) {
  const most = Math.max(...spec.bubbles.map((one) => one.n)) || 1;
  const largest = Math.min(30, Math.max(14, width / 32));
  const radius = (one) => Math.max(4, largest * Math.sqrt(one.n / most)); // the area says the size
  const name = { nameLocation: 'middle', nameTextStyle: { color: colours.faint } };
  // Room for the bubbles at the edges, also where all stand on one line. Shares are of 0 to 1.
  const range = (key) => {
    const values = spec.bubbles.map((one) => one[key]);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    if (spec[key].unit === 'percent') {
      const room = Math.max((high - low) * 0.25, 0.005);
      const [from, to] = [Math.max(low - room, 0), Math.min(high + room, 1)];
      const step = to - from > 0.5 ? 0.1 : to - from > 0.1 ? 0.02 : 0.005;
      return { min: Math.floor(from / step) * step, max: Math.ceil(to / step) * step };
    }
    const room = Math.max((high - low) * 0.2, 0.5);
    return { min: Math.floor(low - room), max: Math.ceil(high + room) };
  };
  const lines = [['xAxis', spec.x.line], ['yAxis', spec.y.line]].filter(([, at]) => at !== null && at !== undefined).map(([axis, at]) => ({ [axis]: at }));
  const longest = width < 500 ? 18 : 28;
  let named = []; // where names stand already: one that would cover another is left to the tooltip
  const has = (text, x, y) => {
    const half = text.length * 3.2;
    const box = { left: x - half, right: x + half, y };
    if (box.left < 30 || box.right > width - 10) return false;
    if (named.some((one) => box.left < one.right && one.left < box.right && Math.abs(one.y - y) < 14)) return false;
    named.push(box);
    return true;
  };
  const bubble = (params, api) => {
    if (params.dataIndex === 0) named = [];
    const one = spec.bubbles[params.dataIndex];
    const [cx, cy] = api.coord([one.x, one.y]);
    const r = radius(one);
    const colour = colours.of(one.colour);
    const text = one.label.length > longest ? `${one.label.slice(0, longest - 1)}…` : one.label;
    return {
      type: 'group',
      children: [
        { type: 'circle', shape: { cx, cy, r }, style: { fill: colour, opacity: 0.45, stroke: colour, lineWidth: 1.5 } },
        {
          type: 'text', silent: true, x: cx, y: cy - r - 3,
          style: { text, align: 'center', verticalAlign: 'bottom', fill: colours.ink, fontSize: 11, fontFamily: colours.font, opacity: has(text, cx, cy - r - 3) ? 1 : 0 },
        },
      ],
    };
  };
  return {
    option: {
      ...frame(colours, {
        grid: { left: 28, right: 28, top: 34, bottom: 26 },
        tooltip: {
          trigger: 'item',
          formatter: ({ dataIndex }) => tip(spec.bubbles[dataIndex].label, spec.bubbles[dataIndex].t.map(([said, text]) => ({ name: said, colour: '', text }))),
        },
      }),
      xAxis: { type: 'value', ...range('x'), name: spec.x.title, nameGap: 26, ...name, axisLine: { onZero: false, lineStyle: { color: colours.grid } }, axisLabel: { ...label(colours), formatter: axisNumber(spec.x.unit) }, splitLine: grid(colours) },
      yAxis: { type: 'value', ...range('y'), name: spec.y.title, nameGap: 34, ...name, axisLine: { onZero: false, lineStyle: { color: colours.grid } }, axisLabel: { ...label(colours), formatter: axisNumber(spec.y.unit) }, splitLine: grid(colours) },
      series: [{
        type: 'custom',
        renderItem: bubble,
        data: spec.bubbles.map((one) => [one.x, one.y]),
        encode: { x: 0, y: 1 },
        cursor: spec.bubbles.some((one) => one.url) ? 'pointer' : 'default',
        markLine: { symbol: 'none', silent: true, animation: false, lineStyle: { color: colours.faint, type: 'dashed', width: 1 }, label: { show: false }, data: lines },
      }],
    },
  };
}

const KINDS = { trend, bars, histogram, survival, distribution, bubbles };

export function options(spec, colours, width) {
  return KINDS[spec.kind](spec, colours, width);
}
