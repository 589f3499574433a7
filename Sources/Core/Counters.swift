import Synchronization

/// Every live counter and gauge of the process, each named once with its unit. What is a function of the
/// journal (lines, events, late, duplicates) is kept in the ledger and only mirrored here.
package final class Counters: Sendable {
    package enum Metric: Int, CaseIterable, Sendable {
        case ingestConnections
        case ingestConnectionsTotal
        case ingestConnectionsRefused
        case ingestConnectionsClosedUnusable
        case ingestConnectionsIdleClosed
        case ingestConnectionsSlowClosed
        case sourceConnections
        case sourceConnectionsTotal
        case sourceFailures
        case sourceUnfinishedLines
        case ingestLines
        case ingestEvents
        case ingestRejected
        case ingestLate
        case ingestDuplicates
        case ingestBytes
        case dedupeForgotten
        case httpRequests
        case httpConnectionsRefused
        case triggerSubscribers
        case triggerSubscribersRefused
        case triggersSent
        case outboxLastSeq
        case sinkDelivered
        case sinkFailures
        case sinkDead
        case sinkMissed
        case journalRecords
        case journalBytes
        case journalCommits
        case journalSegments
        case journalStalls
        case outboxStalls
        case snapshots
        case snapshotFailures
        case refits
        case refitsRefused
        case driftChecks
        case driftRefits
        case erasures
        case erasuresPending
        case erasuresOverdue
        case erasureFailures
        case backups
        case users
        case stateBytes

        package var isGauge: Bool {
            switch self {
            case .ingestConnections, .sourceConnections, .triggerSubscribers, .outboxLastSeq,
                .journalSegments,
                .users, .stateBytes, .erasuresPending, .erasuresOverdue:
                true
            default: false
            }
        }

        /// Prometheus name; counters end in `_total`, bytes say so.
        package var name: String {
            switch self {
            case .ingestConnections: "roost_ingest_connections"
            case .ingestConnectionsTotal: "roost_ingest_connections_opened_total"
            case .ingestConnectionsRefused: "roost_ingest_connections_refused_total"
            case .ingestConnectionsClosedUnusable: "roost_ingest_connections_unusable_total"
            case .ingestConnectionsIdleClosed: "roost_ingest_connections_idle_closed_total"
            case .ingestConnectionsSlowClosed: "roost_ingest_connections_slow_closed_total"
            case .sourceConnections: "roost_source_connections"
            case .sourceConnectionsTotal: "roost_source_connections_opened_total"
            case .sourceFailures: "roost_source_failures_total"
            case .sourceUnfinishedLines: "roost_source_unfinished_lines_total"
            case .ingestLines: "roost_ingest_lines_total"
            case .ingestEvents: "roost_ingest_events_total"
            case .ingestRejected: "roost_ingest_rejected_total"
            case .ingestLate: "roost_ingest_late_total"
            case .ingestDuplicates: "roost_ingest_duplicates_total"
            case .ingestBytes: "roost_ingest_bytes_total"
            case .dedupeForgotten: "roost_dedupe_forgotten_total"
            case .httpRequests: "roost_http_requests_total"
            case .httpConnectionsRefused: "roost_http_connections_refused_total"
            case .triggerSubscribers: "roost_trigger_subscribers"
            case .triggerSubscribersRefused: "roost_trigger_subscribers_refused_total"
            case .triggersSent: "roost_triggers_sent_total"
            case .outboxLastSeq: "roost_outbox_last_seq"
            case .sinkDelivered: "roost_sink_delivered_total"
            case .sinkFailures: "roost_sink_failures_total"
            case .sinkDead: "roost_sink_dead_total"
            case .sinkMissed: "roost_sink_missed_total"
            case .journalRecords: "roost_journal_records_total"
            case .journalBytes: "roost_journal_bytes_total"
            case .journalCommits: "roost_journal_commits_total"
            case .journalSegments: "roost_journal_segments"
            case .journalStalls: "roost_journal_stalls_total"
            case .outboxStalls: "roost_outbox_stalls_total"
            case .snapshots: "roost_snapshots_total"
            case .snapshotFailures: "roost_snapshot_failures_total"
            case .refits: "roost_refits_total"
            case .refitsRefused: "roost_refits_refused_total"
            case .driftChecks: "roost_drift_checks_total"
            case .driftRefits: "roost_drift_refits_total"
            case .erasures: "roost_erasures_total"
            case .erasuresPending: "roost_erasures_pending"
            case .erasuresOverdue: "roost_erasures_overdue"
            case .erasureFailures: "roost_erasure_failures_total"
            case .backups: "roost_backups_total"
            case .users: "roost_users"
            case .stateBytes: "roost_state_bytes"
            }
        }

        package var help: String {
            switch self {
            case .ingestConnections: "Open connections of the ingest port."
            case .ingestConnectionsTotal: "Connections accepted by the ingest port."
            case .ingestConnectionsRefused: "Connections refused because a bound was reached."
            case .ingestConnectionsClosedUnusable: "Plain connections closed after 100 unusable lines."
            case .ingestConnectionsIdleClosed: "Connections closed after being idle too long."
            case .ingestConnectionsSlowClosed: "Connections closed because a line took too long."
            case .sourceConnections: "Open connections to sources that are read."
            case .sourceConnectionsTotal: "Connections made to sources."
            case .sourceFailures: "Attempts to connect to a source that failed."
            case .sourceUnfinishedLines: "Lines a source's connection ended in the middle of."
            case .ingestLines: "Data lines received."
            case .ingestEvents: "Events applied."
            case .ingestRejected: "Lines kept as dead letters."
            case .ingestLate: "Events behind the watermark."
            case .ingestDuplicates: "Events dropped as repeats by id."
            case .ingestBytes: "Bytes of data lines."
            case .dedupeForgotten: "Event ids forgotten because limits.dedupe_ids was reached."
            case .httpRequests: "Requests to the status port."
            case .httpConnectionsRefused: "Connections refused by the status port."
            case .triggerSubscribers: "Open connections of the trigger port."
            case .triggerSubscribersRefused: "Subscribers refused because a bound was reached."
            case .triggersSent: "Trigger lines written to subscribers."
            case .outboxLastSeq: "Number of the newest trigger."
            case .sinkDelivered: "Triggers delivered to sinks."
            case .sinkFailures: "Attempts to deliver that failed."
            case .sinkDead: "Triggers that could not be delivered and were given up."
            case .sinkMissed: "Triggers that retention dropped before a sink had taken them."
            case .journalRecords: "Records appended to the journal."
            case .journalBytes: "Bytes appended to the journal."
            case .journalCommits: "Group commits (write and fdatasync)."
            case .journalSegments: "Segment files kept."
            case .journalStalls: "Commits that found no room on disk and were rolled back."
            case .outboxStalls: "Commits that found no room on disk, or the file locked, and wait."
            case .snapshots: "Snapshots taken."
            case .snapshotFailures: "Snapshots abandoned."
            case .refits: "Fits run."
            case .refitsRefused: "Fits refused by the gate."
            case .driftChecks: "Models whose inputs and outputs were held against those of their fit."
            case .driftRefits: "Refits brought forward because an input or what the model foretold has moved."
            case .erasures: "Erasures done."
            case .erasuresPending: "Erasures whose traces may still be in files."
            case .erasuresOverdue: "Erasures not done within retention.erase_within."
            case .erasureFailures: "Rounds of erasure that failed and are tried again."
            case .backups: "Backups taken."
            case .users: "Users known."
            case .stateBytes: "Bytes of user state."
            }
        }
    }

    private final class Cell: Sendable {
        let value = Atomic<Int64>(0)
    }

    private let cells: [Cell]

    package init() { cells = Metric.allCases.map { _ in Cell() } }

    package func add(_ metric: Metric, _ amount: Int64 = 1) {
        cells[metric.rawValue].value.wrappingAdd(amount, ordering: .relaxed)
    }

    package func set(_ metric: Metric, _ amount: Int64) {
        cells[metric.rawValue].value.store(amount, ordering: .relaxed)
    }

    package func value(_ metric: Metric) -> Int64 {
        cells[metric.rawValue].value.load(ordering: .relaxed)
    }
}
