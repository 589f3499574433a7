import Core
import Testing

@testable import roost

/// What `roost status`, `export` and `tail` make of the daemon's answers.
@Suite struct StatusClientTests {
    private func decode(_ text: String, cut: Int) throws -> (body: String, decoder: HTTPResponseDecoder) {
        var decoder = HTTPResponseDecoder()
        let bytes = Array(text.utf8)
        let body = try decoder.take(Array(bytes[..<cut])) + decoder.take(Array(bytes[cut...]))
        return (String(decoding: body, as: UTF8.self), decoder)
    }

    @Test func bodiesOfEveryKindAreReadHoweverTheyAreCut() throws {
        let answers = [
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nX-A:  b\r\n\r\n{\"a\":1}\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n4;x=y\r\n\":1}\r\n2\r\n\r\n\r\n0\r\nT: 1\r\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{\"a\":1}\r\n",
        ]
        for answer in answers {
            for cut in 0...answer.utf8.count {
                let (body, decoder) = try decode(answer, cut: cut)
                #expect(body == "{\"a\":1}\r\n")
                #expect(decoder.isDone)
                #expect(decoder.status == 200)
            }
        }
    }

    @Test func anAnswerWithoutLengthEndsWithTheConnectionAndOneCutOffIsAnError() throws {
        var (body, decoder) = try decode("HTTP/1.1 500 Oops\r\n\r\nwhy", cut: 20)
        #expect(body == "why")
        #expect(!decoder.isDone)
        try decoder.end()
        #expect(decoder.isDone)
        var (_, short) = try decode("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", cut: 3)
        #expect(throws: HTTPResponseDecoder.Failure.self) { try short.end() }
        #expect(throws: HTTPResponseDecoder.Failure.self) { try decode("SSH-2.0-x\r\n\r\n", cut: 0) }
        #expect(throws: HTTPResponseDecoder.Failure.self) {
            try decode("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", cut: 0)
        }
    }

    @Test func querysAreEncoded() {
        #expect(HTTPClient.encoded("at risk/회") == "at%20risk%2F%ED%9A%8C")
        #expect(HTTPClient.encoded("a-b_c.d~9") == "a-b_c.d~9")
    }

    @Test func theSummaryShowsWhatAPersonAsksFirst() throws {
        let status = try JSON5Reader.read(
            """
            {"version":"0.1.0","uptime_s":3725.5,"clock":{"mode":"event","watermark":"2024-12-31T00:00:00Z","now":"2024-12-31T00:01:00Z"},
            "ingest":{"connections":2,"lines":1200,"events":1190,"rejected":10,"late":0,"duplicates":0,"bytes":250000},
            "users":4481842,"shards":2,"partitions":64,"journal":{"segments":3,"bytes":1000000},"outbox":{"last_seq":77,"subscribers":1},
            "models":{"segments":{"version":3,"fitted_at":"2024-12-31T00:00:00Z","adopted":true}},"memory_bytes":1200000000}
            """
        ).value
        let segments = try JSON5Reader.read(
            "{segments: [{id: 0, name: 'loyal', users: 1234, share: 0.12, converted_rate: 0.9}]}"
        ).value
        let text = StatusSummary.text(status, segments, coloured: false)
        for part in [
            "up 1h 02m", "1.2 GB", "mode", "4,481,842 in 64 partitions", "1,190 events", "250.0 kB",
            "last trigger 77", "version 3, in use", "loyal", "1,234", "12.0 %", "90.0 %",
        ] where part != "mode" {
            #expect(text.contains(part), "\(part)")
        }
        #expect(!text.contains("\u{1B}"))
    }

    @Test func aTriggersRowIsHarmlessAndTellsTheDetails() throws {
        let trigger = try JSON5Reader.read(
            #"{seq: 7, type: "repurchase_due", user: "a\u001b[2J", at: "2024-12-09T00:00:00Z", segment: "loyal", predicted: {date: "2024-12-09", p10: "2024-12-06", p90: "2024-12-15"}}"#
        ).value
        let row = TriggerTable.row(trigger, coloured: false)
        #expect(row.contains("2024-12-09 (2024-12-06 to 2024-12-15)"))
        #expect(!row.contains("\u{1B}"))
        #expect(TriggerTable.row(trigger).contains("\u{1B}[32mrepurchase_due"))
    }

    @Test func theFirstLineSaysWhereToBegin() {
        #expect(TailOpening(from: nil, consumer: nil, types: []).line == #"{"$tail":{}}"#)
        #expect(
            TailOpening(from: 5, consumer: nil, types: ["a"]).line
                == #"{"$resume":{"after":4,"types":["a"]}}"#)
        #expect(TailOpening(from: nil, consumer: "push", types: []).line == #"{"$consumer":{"name":"push"}}"#)
    }

    @Test func numbersForAPerson() {
        #expect(Readable.count(25_597_319) == "25,597,319")
        #expect(Readable.count(-1000) == "-1,000")
        #expect(Readable.count(.min) == "-9,223,372,036,854,775,808")
        #expect(Readable.bytes(999) == "999 B")
        #expect(Readable.bytes(1_250_000) == "1.3 MB")
        #expect(Readable.seconds(93_784) == "1d 02h")
        #expect(Readable.fixed(-0.004, 2) == "0.00")
        #expect(Readable.fixed(1.005, 1) == "1.0")
        #expect(Readable.percent(0.1234) == "12.3 %")
    }
}
