import Core
import Testing

@testable import Status

/// Prometheus must be able to read all of it, zeros too.
@Suite struct MetricsTests {
    @Test func `every metric is told once, with help and type`() async throws {
        let daemon = try Daemon()
        daemon.source.counters.add(.ingestLines, 12)
        let answer = try await daemon.get("/metrics")
        #expect(answer.header("Content-Type") == "text/plain; version=0.0.4; charset=utf-8")
        let lines = answer.text.split(separator: "\n").map(String.init)
        for metric in Counters.Metric.allCases {
            #expect(lines.contains("# TYPE \(metric.name) \(metric.isGauge ? "gauge" : "counter")"))
            #expect(lines.contains { $0.hasPrefix("# HELP \(metric.name) ") })
            #expect(lines.filter { $0.hasPrefix("\(metric.name) ") }.count == 1)
        }
        #expect(lines.contains("roost_ingest_lines_total 12"))
        #expect(lines.contains("roost_http_requests_total 1"))
        #expect(answer.text.hasSuffix("\n"))
    }

    @Test func `rejections by code, segments and the clock have their samples`() async throws {
        let lines = try await Daemon().get("/metrics").text.split(separator: "\n").map(String.init)
        #expect(lines.contains(#"roost_ingest_rejected_by_code_total{code="bad_json"} 2"#))
        for code in RejectionCode.allCases {
            #expect(
                lines.contains {
                    $0.hasPrefix(#"roost_ingest_rejected_by_code_total{code="\#(code.text)"} "#)
                })
        }
        #expect(lines.contains(#"roost_segment_users{segment="loyal"} 30"#))
        #expect(lines.contains(#"roost_segment_users{segment="odd \"one\""} 0"#))
        #expect(lines.contains(#"roost_decisions_total{decision="sent"} 4"#))
        #expect(lines.contains(#"roost_decisions_total{decision="capped"} 0"#))
        #expect(lines.contains("roost_clock_now_seconds 1733702400.5"))
        #expect(lines.contains("roost_uptime_seconds 12.5"))
    }

    @Test func `every line is a comment or a sample`() async throws {
        let sample = /[a-z_]+(\{[a-z]+="(\\.|[^"\\])*"\})? -?[0-9.e+]+/
        for line in try await Daemon().get("/metrics").text.split(separator: "\n") {
            #expect(
                line.hasPrefix("# HELP roost_") || line.hasPrefix("# TYPE roost_")
                    || line.wholeMatch(of: sample) != nil, "\(line)")
        }
    }
}
