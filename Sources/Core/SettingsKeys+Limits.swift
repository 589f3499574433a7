extension SettingsKeys {
    /// Bounds of everything that could grow.
    static let limits = [
        SettingsKey("limits.line_bytes", .bytes(\.limits.lineBytes, 64...64 << 20), "Longest line."),
        SettingsKey("limits.nesting", .count(\.limits.nesting, 2...64), "Deepest nesting of a line."),
        SettingsKey(
            "limits.ingest_connections", .count(\.limits.ingestConnections, 1...100_000),
            "Connections to the ingest port."),
        SettingsKey(
            "limits.ingest_connections_per_peer", .count(\.limits.ingestConnectionsPerPeer, 1...100_000),
            "Of them from one address."),
        SettingsKey(
            "limits.line_timeout", .duration(\.limits.lineTimeout, 10_000...Microseconds.day),
            "A line must be whole so long after its first byte."),
        SettingsKey(
            "limits.idle_timeout", .duration(\.limits.idleTimeout, 10_000...30 * Microseconds.day),
            "A connection that says nothing for so long is closed."),
        SettingsKey(
            "limits.unusable_lines", .count(\.limits.unusableLines, 1...many),
            "A plain connection whose first so many lines are all unusable is closed."),
        SettingsKey("limits.sources", .count(\.limits.sources, 0...1000), "Hosts of listen.sources."),
        SettingsKey(
            "limits.source_retry_least",
            .duration(\.limits.sourceRetryLeast, 1000...Microseconds.hour),
            "Wait before a source that failed is tried again; it doubles with each failure in a row."),
        SettingsKey(
            "limits.source_retry_most", .duration(\.limits.sourceRetryMost, 1000...Microseconds.day),
            "Until it is this. Chance takes up to half of each wait away."),
        SettingsKey(
            "limits.source_connect_timeout",
            .duration(\.limits.sourceConnectTimeout, 10_000...Microseconds.hour),
            "A source must have taken the connection within this."),
        SettingsKey("limits.sinks", .count(\.limits.sinks, 0...1000), "Entries of sinks."),
        SettingsKey(
            "limits.sink_retry_least", .duration(\.limits.sinkRetryLeast, 1000...Microseconds.hour),
            "Wait before a sink that failed is tried again; it doubles with each failure in a row."),
        SettingsKey(
            "limits.sink_retry_most", .duration(\.limits.sinkRetryMost, 1000...Microseconds.day),
            "Until it is this. Chance takes up to half of each wait away."),
        SettingsKey(
            "limits.trigger_connections", .count(\.limits.triggerConnections, 1...100_000),
            "Subscribers of the trigger port."),
        SettingsKey(
            "limits.status_connections", .count(\.limits.statusConnections, 1...100_000),
            "Connections to the status port."),
        SettingsKey(
            "limits.user_lists", .count(\.limits.userLists, 1...1000), "Lists of users read at a time."),
        SettingsKey(
            "limits.read_bytes", .bytes(\.limits.readBytes, 512...64 << 20),
            "Read from a socket at once, and so the largest batch; a longer line grows it."),
        SettingsKey(
            "limits.batches_in_flight", .count(\.limits.batchesInFlight, 1...10_000),
            "Batches of one connection between reading and commit."),
        SettingsKey(
            "limits.journal_queue_bytes", .bytes(\.limits.journalQueueBytes, 4096...1 << 34),
            "Bytes that may wait for the journal before reading pauses."),
        SettingsKey(
            "limits.records_in_flight", .count(\.limits.recordsInFlight, 1...100_000),
            "Records the shards may lag behind the journal before reading pauses."),
        SettingsKey(
            "limits.items_per_event", .count(\.limits.itemsPerEvent, 1...65_535), "Items of one event."),
        SettingsKey(
            "limits.http_body_bytes", .bytes(\.limits.httpBodyBytes, 1024...1 << 32),
            "Body of POST /v1/events, unpacked."),
        SettingsKey(
            "limits.dead_letter_bytes", .bytes(\.limits.deadLetterBytes, 0...64 << 20),
            "A dead letter keeps so much of its line."),
        SettingsKey(
            "limits.subscriber_buffer_bytes", .bytes(\.limits.subscriberBufferBytes, 1024...1 << 30),
            "Unsent triggers of a subscriber before reading for it pauses."),
        SettingsKey(
            "limits.dedupe_ids", .count(\.limits.dedupeIDs, Partitioning.count...many),
            "Event ids remembered in all; the oldest by arrival are forgotten beyond."),
        SettingsKey(
            "limits.custom_names", .count(\.limits.customNames, 0...60_000),
            "Event names beyond the known ones that are counted by name; later ones count as other."),
        SettingsKey(
            "limits.values_per_dimension", .count(\.limits.valuesPerDimension, 1...65_535),
            "Values of a field kept for one user; later ones do not count for main."),
        SettingsKey(
            "limits.recent_purchases", .count(\.limits.recentPurchases, 0...255),
            "Purchases kept with their items for each user."),
        SettingsKey(
            "limits.producers", .count(\.limits.producers, 1...many), "Producers whose numbers are kept."),
        SettingsKey(
            "limits.outcomes", .count(\.limits.outcomes, Partitioning.count...1 << 30),
            "Triggers whose outcome is waited for, about 90 bytes each; later ones are not followed."),
    ]
}
