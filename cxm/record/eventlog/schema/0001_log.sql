-- `@name` is the table on this node: `name` itself, or `name_local` behind a Distributed `name` on a cluster.
-- A line `-- distributed: name` makes that Distributed table, sharded by customer.
-- Parts below 64 MB are kept in one file, not in two for each column: an import writes dozens, and each file is synced.

CREATE TABLE @events (
    workspace_id UInt32,
    -- Small blocks without compression (an id has no pattern): looking one up reads 4 KiB, not 64.
    event_id     UUID CODEC(NONE) SETTINGS (min_compress_block_size = 4096, max_compress_block_size = 4096),
    name         LowCardinality(String),
    customer_id  UUID,                      -- the nil UUID: nobody we know
    occurred_at  DateTime64(3, 'UTC'),      -- by our clock: see capture/intake
    received_at  DateTime64(3, 'UTC') DEFAULT now64(3),
    source       LowCardinality(String),    -- import · fact · sample · capture
    import_id    UUID,                      -- the nil UUID: not from an import
    source_id    UInt32,                    -- the source that sent it by the tracking API; 0: none
    type         LowCardinality(String),    -- track · identify · page · screen · group · alias; empty: not captured
    user_id      String,                    -- as the sender said it
    anonymous_id String,
    sent_at      DateTime64(3, 'UTC'),      -- the time of the event by the sender's clock; 1970: it said none
    remark       LowCardinality(String),    -- future, past: its time cannot be, so it has that of its receipt
    properties   String CODEC(ZSTD(1)),     -- JSON object, as received
    context      String CODEC(ZSTD(1)),     -- JSON object, as received; empty: none
    INDEX by_customer customer_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_import import_id TYPE set(16) GRANULARITY 1,
    INDEX by_receipt received_at TYPE minmax GRANULARITY 1,
    PROJECTION by_id (SELECT event_id ORDER BY event_id) WITH SETTINGS (index_granularity = 256),
    -- Where the events of one customer are; only that, because it still has what a deletion took out.
    PROJECTION by_customer (SELECT workspace_id, customer_id, name, occurred_at ORDER BY workspace_id, customer_id)
) ENGINE = MergeTree PARTITION BY toYear(occurred_at) ORDER BY (workspace_id, name, occurred_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, enable_block_number_column = 1,
    -- In process the engine removes what it merged at once, so what it made of them must be on disk by then; and it
    -- removes with a hundred threads, which hold up every insert for as long, unless told to go one by one.
    -- It looks for them every second: by default every half minute, and then thousands of files hold up the disk.
    min_rows_to_fsync_after_merge = 1, concurrent_part_removal_threshold = 1000000000,
    cleanup_delay_period = 1, max_cleanup_delay_period = 2, cleanup_delay_period_random_add = 0,
    lightweight_mutation_projection_mode = 'rebuild', min_bytes_for_wide_part = 67108864,
    -- A small part is one file and not twelve, each of which an insert would wait for until it is on disk.
    min_bytes_for_full_part_storage = 4194304,
    -- Small inserts do without projections: looking through their few rows is cheap, making one costs a quarter.
    materialize_projections_on_insert = 0, materialize_projections_on_merge = 1;
-- distributed: events

-- The door for events that are more than a row of `events`: what is inserted here goes there and into the derived
-- tables. A captured event from which nothing is derived goes to `events` directly: eight views cost an insert of
-- a few rows as much time again.
CREATE TABLE @arrivals (
    workspace_id UInt32,
    event_id     UUID,
    name         LowCardinality(String),
    customer_id  UUID,
    occurred_at  DateTime64(3, 'UTC'),
    received_at  DateTime64(3, 'UTC') DEFAULT now64(3),
    source       LowCardinality(String),
    import_id    UUID,
    source_id    UInt32,
    type         LowCardinality(String),
    user_id      String,
    anonymous_id String,
    sent_at      DateTime64(3, 'UTC'),
    remark       LowCardinality(String),
    properties   String,
    context      String
) ENGINE = Null;
-- distributed: arrivals

CREATE MATERIALIZED VIEW @events_mv TO @events AS
SELECT workspace_id, event_id, name, customer_id, occurred_at, received_at, source, import_id, source_id, type, user_id,
       anonymous_id, sent_at, remark, properties, context
FROM @arrivals;

-- One row per answer: an event with an opinion.
CREATE TABLE @feedback (
    workspace_id UInt32,
    event_id     UUID,
    customer_id  UUID,
    occurred_at  DateTime64(3, 'UTC'),
    import_id    UUID,
    metric       LowCardinality(String),    -- nps · csat · ces · rating · number · choice · text
    question     LowCardinality(String),
    question_version UInt32,                -- the wording that was asked, of a survey of ours; 0: not known
    scale        LowCardinality(String),    -- "0-10", "1-5": lowest and highest score
    score        Nullable(Float64),
    choices      Array(LowCardinality(String)), -- what was chosen; of a ranking: the best first
    weight       Float64,
    response_id  String,
    survey       LowCardinality(String),
    channel      LowCardinality(String),
    touchpoint   LowCardinality(String),
    language     LowCardinality(String),
    comment      String CODEC(ZSTD(1)),
    properties   JSON(max_dynamic_paths = 512),
    INDEX by_customer customer_id TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = MergeTree PARTITION BY toYear(occurred_at) ORDER BY (workspace_id, metric, question, occurred_at)
SETTINGS enable_block_number_column = 1, min_bytes_for_wide_part = 67108864;
-- distributed: feedback

CREATE MATERIALIZED VIEW @feedback_mv TO @feedback AS
SELECT workspace_id, event_id, customer_id, occurred_at, import_id,
       JSONExtractString(e.properties, 'metric') AS metric,
       JSONExtractString(e.properties, 'question') AS question,
       JSONExtract(e.properties, 'question_version', 'UInt32') AS question_version,
       JSONExtractString(e.properties, 'scale') AS scale,
       JSONExtract(e.properties, 'score', 'Nullable(Float64)') AS score,
       JSONExtract(e.properties, 'properties', 'choices', 'Array(String)') AS choices,
       ifNull(JSONExtract(e.properties, 'weight', 'Nullable(Float64)'), 1) AS weight,
       JSONExtractString(e.properties, 'response_id') AS response_id,
       JSONExtractString(e.properties, 'survey') AS survey,
       JSONExtractString(e.properties, 'channel') AS channel,
       JSONExtractString(e.properties, 'touchpoint') AS touchpoint,
       JSONExtractString(e.properties, 'language') AS language,
       JSONExtractString(e.properties, 'comment') AS comment,
       if(JSONHas(e.properties, 'properties'), JSONExtractRaw(e.properties, 'properties'), '{}') AS properties
FROM @arrivals AS e
WHERE name IN ('answer_given', 'message_received', 'review_received', 'call_transcribed');

-- One row per text: feedback that holds words, in the order of time, with what is looked for in it. `words` holds, of
-- each word without capitals, its beginnings of three to eight letters (so that every inflection is found) and itself
-- behind an equals sign, and of Chinese each pair of neighbours. So few comments need to be read to find a word.
CREATE TABLE @texts (
    workspace_id UInt32,
    event_id     UUID,
    customer_id  UUID,
    occurred_at  DateTime64(3, 'UTC'),
    import_id    UUID,
    name         LowCardinality(String),    -- answer_given · message_received · review_received · call_transcribed
    metric       LowCardinality(String),
    question     LowCardinality(String),
    question_version UInt32,
    scale        LowCardinality(String),
    score        Nullable(Float64),
    response_id  String,
    survey       LowCardinality(String),
    channel      LowCardinality(String),
    touchpoint   LowCardinality(String),
    language     LowCardinality(String),    -- as the source said it
    comment      String CODEC(ZSTD(1)),
    words        Array(String) CODEC(ZSTD(1)),
    INDEX by_words words TYPE text(tokenizer = 'array'),
    INDEX by_event event_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_customer customer_id TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = MergeTree PARTITION BY toYear(occurred_at) ORDER BY (workspace_id, occurred_at, event_id)
SETTINGS enable_block_number_column = 1, index_granularity = 1024;
-- distributed: texts

CREATE MATERIALIZED VIEW @texts_mv TO @texts AS
SELECT workspace_id, event_id, customer_id, occurred_at, import_id, name,
       JSONExtractString(e.properties, 'metric') AS metric,
       JSONExtractString(e.properties, 'question') AS question,
       JSONExtract(e.properties, 'question_version', 'UInt32') AS question_version,
       JSONExtractString(e.properties, 'scale') AS scale,
       JSONExtract(e.properties, 'score', 'Nullable(Float64)') AS score,
       JSONExtractString(e.properties, 'response_id') AS response_id,
       JSONExtractString(e.properties, 'survey') AS survey,
       JSONExtractString(e.properties, 'channel') AS channel,
       JSONExtractString(e.properties, 'touchpoint') AS touchpoint,
       JSONExtractString(e.properties, 'language') AS language,
       JSONExtractString(e.properties, 'comment') AS comment,
       arrayDistinct(arrayFlatten(arrayMap(
           word -> if(word >= '⺀', ngrams(word, 2), arrayPushBack(arrayMap(
               n -> substringUTF8(word, 1, n), range(3, least(9, lengthUTF8(word) + 1))), concat('=', word))),
           extractAll(
               replaceAll(lowerUTF8(substringUTF8(JSONExtractString(e.properties, 'comment'), 1, 20000)), 'ё', 'е'),
               '\\p{Han}+|[\\p{Latin}\\p{Cyrillic}\\p{N}]+|\\p{L}+'
           )
       ))) AS words
FROM @arrivals AS e
WHERE name IN ('answer_given', 'message_received', 'review_received', 'call_transcribed')
  AND JSONExtractString(properties, 'comment') != '';

-- What was read out of the comment of an answer or message; of several rows of one event the highest version holds.
-- Filled by understand.text, which can make it anew from `feedback` when the models change.
CREATE TABLE @annotations (
    workspace_id UInt32,
    event_id     UUID,
    customer_id  UUID,
    occurred_at  DateTime64(3, 'UTC'),
    import_id    UUID,
    version      UInt64,                    -- milliseconds of the writing; a correction is written later, so it holds
    -- Of the weights, with "+" and the deep tier's where that has read it too, the workspace's own heads and its topics
    model        LowCardinality(String),
    language     LowCardinality(String),
    script       LowCardinality(String),
    sentiment    LowCardinality(String),    -- negative · neutral · positive · mixed
    sentiment_score Float32,                -- -1 … 1
    emotion      LowCardinality(String),
    intent       LowCardinality(String),
    effort       UInt8,
    urgent       UInt8,
    topics       Array(LowCardinality(String)), -- keys of topics
    topic_sentiments Array(Float32),            -- one for each topic, -1 … 1
    personal     Array(LowCardinality(String)), -- kinds of personal data in the text
    tags         String CODEC(ZSTD(1)),     -- JSON: every tag with its score and its spans, the sentences, what the deep tier said
    corrected    UInt8,                     -- a person has said better
    INDEX by_event event_id TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = ReplacingMergeTree(version) PARTITION BY toYear(occurred_at)
ORDER BY (workspace_id, occurred_at, event_id) SETTINGS enable_block_number_column = 1;
-- distributed: annotations

-- What people did with a text, copied from the operational database so that lists can be told apart by it; of several
-- rows of one event the highest version holds.
CREATE TABLE @text_marks (
    workspace_id UInt32,
    event_id     UUID,
    customer_id  UUID,
    occurred_at  DateTime64(3, 'UTC'),
    import_id    UUID,
    version      UInt64,
    handled      UInt8,
    assignee     UInt64,                    -- the user's number; 0: nobody
    case_number  UInt32,                    -- 0: none was opened
    tags         Array(LowCardinality(String))
) ENGINE = ReplacingMergeTree(version) PARTITION BY toYear(occurred_at)
ORDER BY (workspace_id, occurred_at, event_id) SETTINGS enable_block_number_column = 1;
-- distributed: text_marks

-- Which theme each text has, by each run of understand.text, the newest of which holds; what is written twice is one.
CREATE TABLE @theme_members (
    workspace_id UInt32,
    event_id     UUID,
    customer_id  UUID,
    occurred_at  DateTime64(3, 'UTC'),
    import_id    UUID,
    version      UInt64,                    -- milliseconds of the writing
    run          UInt32,
    theme        UInt32,                    -- 0: none of the themes
    strength     Float32                    -- similarity to the theme, 0 … 1
) ENGINE = ReplacingMergeTree(version) PARTITION BY toYear(occurred_at)
ORDER BY (workspace_id, run, occurred_at, event_id) SETTINGS enable_block_number_column = 1;
-- distributed: theme_members

-- What each text means as a vector, by an encoder of understand.text: texts that mean the same are near each other.
CREATE TABLE @text_vectors (
    workspace_id UInt32,
    event_id     UUID,
    customer_id  UUID,
    occurred_at  DateTime64(3, 'UTC'),
    import_id    UUID,
    version      UInt64,                    -- milliseconds of the writing
    encoder      LowCardinality(String),
    vector       Array(Int8) CODEC(NONE)    -- 127 times a vector of length one
) ENGINE = ReplacingMergeTree(version) PARTITION BY toYear(occurred_at)
ORDER BY (workspace_id, encoder, occurred_at, event_id) SETTINGS enable_block_number_column = 1;
-- distributed: text_vectors

-- Scores counted per quarter of an hour, because every time zone in use is offset from UTC by whole quarters.
CREATE TABLE @feedback_rollup (
    workspace_id UInt32,
    metric       LowCardinality(String),
    question     LowCardinality(String),
    scale        LowCardinality(String),
    bucket       DateTime64(3, 'UTC'),
    import_id    UUID,
    score        Float64,
    n            UInt64,
    w            Float64,
    w2           Float64
) ENGINE = SummingMergeTree((n, w, w2)) PARTITION BY toYear(bucket)
ORDER BY (workspace_id, metric, question, scale, bucket, import_id, score);
-- distributed: feedback_rollup

CREATE MATERIALIZED VIEW @feedback_rollup_mv TO @feedback_rollup AS
SELECT workspace_id, metric, question, scale,
       toDateTime64(toStartOfFifteenMinutes(occurred_at), 3, 'UTC') AS bucket, import_id,
       assumeNotNull(f.score) AS score, count() AS n, sum(weight) AS w, sum(weight * weight) AS w2
FROM @feedback AS f WHERE f.score IS NOT NULL
GROUP BY workspace_id, metric, question, scale, bucket, import_id, score;

-- One row per report of a ticket; its present state is the row with the highest version.
CREATE TABLE @tickets (
    workspace_id        UInt32,
    ticket_id           String,
    version             UInt64,
    event_id            UUID,
    customer_id         UUID,
    occurred_at         DateTime64(3, 'UTC'),  -- when it was opened: the time a ticket is counted at
    import_id           UUID,
    state               LowCardinality(String),
    first_responded_at  Nullable(DateTime64(3, 'UTC')),
    resolved_at         Nullable(DateTime64(3, 'UTC')),
    closed_at           Nullable(DateTime64(3, 'UTC')),
    reopened            UInt32,
    reassigned          UInt32,
    sla_met             Nullable(Bool),
    complaint           Nullable(Bool),
    priority            LowCardinality(String),
    channel             LowCardinality(String),
    touchpoint          LowCardinality(String),
    properties          Map(String, String) -- writes six times as fast as JSON; keys of low cardinality take twice as long
) ENGINE = MergeTree PARTITION BY toYear(occurred_at) ORDER BY (workspace_id, ticket_id, version)
SETTINGS enable_block_number_column = 1, min_bytes_for_wide_part = 67108864;
-- distributed: tickets

-- The properties are taken apart once, into a tuple: asking for each by its own name reads the text fourteen times.
CREATE MATERIALIZED VIEW @tickets_mv TO @tickets AS
WITH JSONExtract(e.properties, 'Tuple(
    ticket_id String, version Nullable(UInt64), state String, opened_at String, first_responded_at String,
    resolved_at String, closed_at String, reopened UInt32, reassigned UInt32, sla_met Nullable(Bool),
    complaint Nullable(Bool), priority String, channel String, touchpoint String,
    properties Map(String, String))') AS p
SELECT workspace_id, p.ticket_id AS ticket_id,
       ifNull(p.version, toUnixTimestamp64Milli(e.occurred_at)) AS version,
       event_id, customer_id,
       ifNull(parseDateTime64BestEffortOrNull(p.opened_at, 3, 'UTC'), e.occurred_at) AS occurred_at,
       import_id,
       p.state AS state,
       parseDateTime64BestEffortOrNull(p.first_responded_at, 3, 'UTC') AS first_responded_at,
       parseDateTime64BestEffortOrNull(p.resolved_at, 3, 'UTC') AS resolved_at,
       parseDateTime64BestEffortOrNull(p.closed_at, 3, 'UTC') AS closed_at,
       p.reopened AS reopened,
       p.reassigned AS reassigned,
       p.sla_met AS sla_met,
       p.complaint AS complaint,
       p.priority AS priority,
       p.channel AS channel,
       p.touchpoint AS touchpoint,
       p.properties AS properties
FROM @arrivals AS e WHERE name = 'ticket_updated';

-- One row per milestone of an order; an order is what its milestones say together.
CREATE TABLE @order_milestones (
    workspace_id  UInt32,
    order_id      String,
    event_id      UUID,
    customer_id   UUID,
    occurred_at   DateTime64(3, 'UTC'),
    import_id     UUID,
    milestone     LowCardinality(String),   -- placed · approved · shipped · delivered · cancelled
    amount        Nullable(Float64),
    currency      LowCardinality(String),
    promised_at   Nullable(DateTime64(3, 'UTC')),
    touchpoint    LowCardinality(String),
    channel       LowCardinality(String),
    properties    JSON(max_dynamic_paths = 512)
) ENGINE = MergeTree PARTITION BY toYear(occurred_at) ORDER BY (workspace_id, order_id, occurred_at)
SETTINGS enable_block_number_column = 1, min_bytes_for_wide_part = 67108864;
-- distributed: order_milestones

CREATE MATERIALIZED VIEW @order_milestones_mv TO @order_milestones AS
SELECT workspace_id, JSONExtractString(e.properties, 'order_id') AS order_id, event_id, customer_id, occurred_at, import_id,
       substring(name, 7) AS milestone,
       JSONExtract(e.properties, 'amount', 'Nullable(Float64)') AS amount,
       JSONExtractString(e.properties, 'currency') AS currency,
       parseDateTime64BestEffortOrNull(JSONExtractString(e.properties, 'promised_at'), 3, 'UTC') AS promised_at,
       JSONExtractString(e.properties, 'touchpoint') AS touchpoint,
       JSONExtractString(e.properties, 'channel') AS channel,
       if(JSONHas(e.properties, 'properties'), JSONExtractRaw(e.properties, 'properties'), '{}') AS properties
FROM @arrivals AS e WHERE name IN ('order_placed', 'order_approved', 'order_shipped', 'order_delivered', 'order_cancelled');

-- One row per report of a subscription; its present state is the row with the highest version.
CREATE TABLE @subscriptions (
    workspace_id     UInt32,
    subscription_id  String,
    version          UInt64,
    event_id         UUID,
    customer_id      UUID,
    occurred_at      DateTime64(3, 'UTC'),
    import_id        UUID,
    status           LowCardinality(String), -- active · ended
    plan             LowCardinality(String),
    amount           Nullable(Float64),      -- per month
    currency         LowCardinality(String),
    started_at       Nullable(DateTime64(3, 'UTC')),
    ended_at         Nullable(DateTime64(3, 'UTC')),
    tenure           Nullable(Float64),      -- months, where the source knows no dates
    properties       JSON(max_dynamic_paths = 512)
) ENGINE = MergeTree PARTITION BY toYear(occurred_at) ORDER BY (workspace_id, subscription_id, version)
SETTINGS enable_block_number_column = 1, min_bytes_for_wide_part = 67108864;
-- distributed: subscriptions

CREATE MATERIALIZED VIEW @subscriptions_mv TO @subscriptions AS
SELECT workspace_id, JSONExtractString(e.properties, 'subscription_id') AS subscription_id,
       ifNull(JSONExtract(e.properties, 'version', 'Nullable(UInt64)'), toUnixTimestamp64Milli(e.occurred_at)) AS version,
       event_id, customer_id, occurred_at, import_id,
       JSONExtractString(e.properties, 'status') AS status,
       JSONExtractString(e.properties, 'plan') AS plan,
       JSONExtract(e.properties, 'amount', 'Nullable(Float64)') AS amount,
       JSONExtractString(e.properties, 'currency') AS currency,
       parseDateTime64BestEffortOrNull(JSONExtractString(e.properties, 'started_at'), 3, 'UTC') AS started_at,
       parseDateTime64BestEffortOrNull(JSONExtractString(e.properties, 'ended_at'), 3, 'UTC') AS ended_at,
       JSONExtract(e.properties, 'tenure', 'Nullable(Float64)') AS tenure,
       if(JSONHas(e.properties, 'properties'), JSONExtractRaw(e.properties, 'properties'), '{}') AS properties
FROM @arrivals AS e WHERE name = 'subscription_updated';

-- A purchase history that another system has summed up already (recency and frequency tables of a warehouse).
CREATE TABLE @purchase_histories (
    workspace_id      UInt32,
    event_id          UUID,
    customer_id       UUID,
    occurred_at       DateTime64(3, 'UTC'),
    import_id         UUID,
    repeat_purchases  UInt32,
    recency           Float64,               -- weeks from the first to the last purchase
    age               Float64,               -- weeks from the first purchase to the end of the observation
    mean_value        Nullable(Float64),
    properties        JSON(max_dynamic_paths = 512)
) ENGINE = MergeTree PARTITION BY toYear(occurred_at) ORDER BY (workspace_id, customer_id, occurred_at)
SETTINGS enable_block_number_column = 1, min_bytes_for_wide_part = 67108864;
-- distributed: purchase_histories

CREATE MATERIALIZED VIEW @purchase_histories_mv TO @purchase_histories AS
SELECT workspace_id, event_id, customer_id, occurred_at, import_id,
       JSONExtractUInt(e.properties, 'repeat_purchases') AS repeat_purchases,
       JSONExtractFloat(e.properties, 'recency') AS recency,
       JSONExtractFloat(e.properties, 'age') AS age,
       JSONExtract(e.properties, 'mean_value', 'Nullable(Float64)') AS mean_value,
       if(JSONHas(e.properties, 'properties'), JSONExtractRaw(e.properties, 'properties'), '{}') AS properties
FROM @arrivals AS e WHERE name = 'purchase_history_reported';

-- Which events are steps of which cases, process by process: what `steps` is made of, in the order in which it is read.
-- What is written twice is one. Filled by understand.journeys, which can make it anew from `events`.
CREATE TABLE @step_events (
    workspace_id UInt32,
    process      UInt32,
    generation   UInt32,                    -- of the process; others than its present one are left-overs
    case_id      UUID,                      -- the customer as the event carries it, or made from a text (an order's)
    occurred_at  DateTime64(3, 'UTC'),
    rank         UInt16,                    -- of steps of one moment: the lower comes first, then the lower version
    version      UInt64,
    event_id     UUID,
    customer_id  UUID,
    import_id    UUID,
    label        LowCardinality(String),
    touchpoint   LowCardinality(String),
    channel      LowCardinality(String),
    INDEX by_customer customer_id TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = ReplacingMergeTree
ORDER BY (workspace_id, process, generation, case_id, occurred_at, rank, version, event_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, enable_block_number_column = 1,
    -- In process the engine removes what it merged at once, so what it made of them must be on disk by then; and it
    -- removes with a hundred threads, which hold up every insert for as long, unless told to go one by one.
    -- It looks for them every second: by default every half minute, and then thousands of files hold up the disk.
    min_rows_to_fsync_after_merge = 1, concurrent_part_removal_threshold = 1000000000,
    cleanup_delay_period = 1, max_cleanup_delay_period = 2, cleanup_delay_period_random_add = 0,
    min_bytes_for_wide_part = 67108864;
-- distributed: step_events

-- Cases whose journeys have to be made anew, because something was added, removed or merged.
CREATE TABLE @stale_cases (
    workspace_id UInt32,
    process      UInt32,
    case_id      UUID,
    due_at       DateTime64(3, 'UTC')
) ENGINE = MergeTree ORDER BY (workspace_id, process, case_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
-- distributed: stale_cases

-- The steps of the journeys of each process, each with the one that follows; a journey is there as a whole or not at
-- all. Filled by understand.journeys from `step_events`. Questions read it as it is, without FINAL.
CREATE TABLE @steps (
    workspace_id UInt32,
    process      UInt32,
    case_id      UUID,                      -- the customer after merges, or made from a text (an order's)
    journey      UUID,                      -- the case itself; where a pause ends a journey, one of its journeys
    number       UInt32,                    -- of the step in its journey, from 1
    from_end     UInt32,                    -- the last one has 1
    customer_id  UUID,                      -- as the event carries it
    event_id     UUID,
    occurred_at  DateTime64(3, 'UTC') CODEC(T64),  -- nothing else reads times so fast, nor so small
    import_id    UUID,
    label        LowCardinality(String),
    next         LowCardinality(String),    -- the label of the step that follows; empty at the end
    gap_ms       Int64 CODEC(T64),          -- until the step that follows; 0 at the end
    left_ms      Int64 CODEC(T64),          -- until the end of the journey
    path         UInt64,                    -- the same for all journeys with the same labels in the same order
    visit        UInt32,                    -- how often the journey has come to this label, this time included
    pass         UInt32,                    -- how often from this label to the next one, this time included
    touchpoint   LowCardinality(String),    -- as the event says it
    channel      LowCardinality(String),
    version      UInt64,                    -- milliseconds of the writing
    INDEX by_customer customer_id TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = MergeTree ORDER BY (workspace_id, process, case_id, journey, number)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, enable_block_number_column = 1,
    -- In process the engine removes what it merged at once, so what it made of them must be on disk by then; and it
    -- removes with a hundred threads, which hold up every insert for as long, unless told to go one by one.
    -- It looks for them every second: by default every half minute, and then thousands of files hold up the disk.
    min_rows_to_fsync_after_merge = 1, concurrent_part_removal_threshold = 1000000000,
    cleanup_delay_period = 1, max_cleanup_delay_period = 2, cleanup_delay_period_random_add = 0,
    min_bytes_for_wide_part = 67108864;
-- distributed: steps

-- What the operational database says of each customer, put here so that numbers can be split by traits.
CREATE TABLE @customers (
    workspace_id  UInt32,
    customer_id   UUID,      -- as events carry it
    canonical_id  UUID,      -- the customer it belongs to after merges; itself without one
    traits        JSON(max_dynamic_paths = 512),
    -- What conditions ask for, each value as text: trait.NAME, name, email, phone, language, tag. A map is written four
    -- times as fast as JSON, and guesses at no kinds.
    items         Map(LowCardinality(String), Array(String)) CODEC(ZSTD(1)),
    version       UInt64,
    gone          UInt8 DEFAULT 0
) ENGINE = ReplacingMergeTree(version, gone) ORDER BY (workspace_id, customer_id)
SETTINGS enable_block_number_column = 1;
-- distributed: customers

-- What the tracking API refused or left out, and why; for the debugger and the error counts of a source.
CREATE TABLE @rejections (
    workspace_id UInt32,
    source_id    UInt32,
    received_at  DateTime64(3, 'UTC'),
    reason       LowCardinality(String),
    name         String,
    detail       String,
    body         String CODEC(ZSTD(1)),     -- the beginning of what came; empty for what nobody may keep
    n            UInt32                     -- how many: a flood is counted, not kept one by one
) ENGINE = MergeTree PARTITION BY toYYYYMM(received_at) ORDER BY (workspace_id, source_id, received_at)
TTL toDateTime(received_at) + INTERVAL 30 DAY;
-- distributed: rejections
