import Core

/// `GET /metrics` in the Prometheus text format, version 0.0.4.
struct Metrics {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    private(set) var bytes: [UInt8] = []

    /// Every counter and gauge of the process, zeros too, then what is kept by label.
    init(counters: Counters, status: StatusView, segments: SegmentsView) {
        for metric in Counters.Metric.allCases {
            head(metric.name, isGauge: metric.isGauge, metric.help)
            line(metric.name, value: String(counters.value(metric)))
        }
        rejections(status)
        head("roost_segment_users", isGauge: true, "Users by segment.")
        for segment in segments.segments {
            line("roost_segment_users", label: ("segment", segment.name), value: String(segment.users))
        }
        sinks(status.sinks)
        head("roost_decisions_total", isGauge: false, "Triggers that were due, by what became of them.")
        for decision in status.decisions {
            line("roost_decisions_total", label: ("decision", decision.name), value: String(decision.value))
        }
        clock(status)
    }

    private mutating func rejections(_ status: StatusView) {
        let name = "roost_ingest_rejected_by_code_total"
        head(name, isGauge: false, "Lines kept as dead letters, by code.")
        for code in RejectionCode.allCases {
            let count = status.rejectedBy.first { $0.name == code.text }?.value ?? 0
            line(name, label: ("code", code.text), value: String(count))
        }
    }

    private mutating func sinks(_ sinks: [SinkView]) {
        for (name, help, value) in [
            ("roost_sink_cursor", "Everything up to it is delivered, given up or missed.", \SinkView.cursor),
            ("roost_sink_behind", "Triggers recorded after the sink's cursor.", \.behind),
            ("roost_sink_dead", "Triggers of the sink given up since the start.", \.dead),
            (
                "roost_sink_missed", "Triggers dropped before the sink had taken them, since the start.",
                \.missed
            ),
        ] as [(String, String, KeyPath<SinkView, Int64>)] {
            head(name, isGauge: true, help)
            for sink in sinks { line(name, label: ("sink", sink.name), value: String(sink[keyPath: value])) }
        }
        head("roost_sink_failing", isGauge: true, "1 where the sink's last attempt failed.")
        for sink in sinks {
            line(
                "roost_sink_failing", label: ("sink", sink.name), value: sink.state == .failing ? "1" : "0")
        }
    }

    /// Times that the clock does not have yet are no samples.
    private mutating func clock(_ status: StatusView) {
        head("roost_clock_now_seconds", isGauge: true, "Now of the daemon's clock, seconds since 1970.")
        if let now = status.now { line("roost_clock_now_seconds", value: seconds(now)) }
        head("roost_clock_watermark_seconds", isGauge: true, "Watermark, seconds since 1970.")
        if let watermark = status.watermark {
            line("roost_clock_watermark_seconds", value: seconds(watermark))
        }
        head("roost_uptime_seconds", isGauge: true, "Since the start of the process.")
        line("roost_uptime_seconds", value: "\(status.uptimeSeconds)")
        head("roost_memory_bytes", isGauge: true, "Resident memory of the process.")
        line("roost_memory_bytes", value: String(status.memoryBytes))
    }

    private func seconds(_ time: EventTime) -> String {
        var json = JSONWriter()
        json.value(millionths: time.microseconds)
        return json.text
    }

    private mutating func head(_ name: String, isGauge: Bool, _ help: String) {
        bytes.append(contentsOf: "# HELP \(name) \(help)\n".utf8)
        bytes.append(contentsOf: "# TYPE \(name) \(isGauge ? "gauge" : "counter")\n".utf8)
    }

    private mutating func line(_ name: String, label: (name: String, value: String)? = nil, value: String) {
        bytes.append(contentsOf: name.utf8)
        if let label {
            bytes.append(contentsOf: "{\(label.name)=\"".utf8)
            for byte in label.value.utf8 {
                switch byte {
                case UInt8(ascii: "\\"), UInt8(ascii: "\""): bytes.append(contentsOf: [0x5C, byte])
                case 0x0A: bytes.append(contentsOf: "\\n".utf8)
                default: bytes.append(byte)
                }
            }
            bytes.append(contentsOf: "\"}".utf8)
        }
        bytes.append(contentsOf: " \(value)\n".utf8)
    }
}
