import Core
import Foundation
import Testing

@testable import Wire

/// What each kind of receiver is given.
@Suite struct SinkDeliveryTests {
    private func page(_ lines: String...) -> [UInt8] { Array(lines.map { $0 + "\n" }.joined().utf8) }

    @Test func aPageIsCutByLinesAndNamedByItsFirstTrigger() {
        let page = page(
            "{\"seq\":9,\"id\":\"00ff\",\"type\":\"churned\"}", "{\"seq\":10,\"type\":\"erased\"}",
            "{\"seq\":12,\"id\":\"0a\",\"user\":\"\\\"seq\\\":3\"}")
        let all = SinkBatches.cut(page, most: 10)
        #expect(all == [SinkBatch(lines: page, seqs: [9, 10, 12], key: "00ff")])
        let single = SinkBatches.cut(page, most: 1)
        #expect(single.map(\.seqs) == [[9], [10], [12]])
        #expect(single.map(\.key) == ["00ff", "erased-10", "0a"])
        #expect(Array(single.map(\.lines).joined()) == page)
        #expect(SinkBatches.cut([], most: 5).isEmpty)
        // One that failed is tried again with the triggers it had.
        #expect(SinkBatches.cut(page, most: 2, firstThrough: 9).map(\.seqs) == [[9], [10, 12]])
        #expect(SinkBatches.cut(page, most: 9, firstThrough: 11).map(\.seqs) == [[9, 10], [12]])
    }

    @Test func whatGoesInTheClearToAnotherMachineIsKnown() {
        for url in ["http://crm.example/t", "http://me:secret@crm.example:80?x", "http://10.0.0.1"] {
            #expect(WebhookDelivery.isOpen(url), "\(url)")
        }
        for url in [
            "https://crm.example/t", "http://localhost:8080/", "http://127.0.0.1:1/", "http://[::1]:1/",
        ] {
            #expect(!WebhookDelivery.isOpen(url), "\(url)")
        }
    }

    @Test func aBodyIsOneObjectOrAnArray() {
        let batch = SinkBatch(lines: page("{\"seq\":1}", "{\"seq\":2}"), seqs: [1, 2], key: "k")
        #expect(WebhookDelivery.body(of: batch, isArray: true) == Array("[{\"seq\":1},{\"seq\":2}]".utf8))
        let one = SinkBatch(lines: page("{\"seq\":1}"), seqs: [1], key: "k")
        #expect(WebhookDelivery.body(of: one, isArray: false) == Array("{\"seq\":1}".utf8))
        #expect(WebhookDelivery.body(of: one, isArray: true) == Array("[{\"seq\":1}]".utf8))
    }

    /// RFC 4231, test cases 1, 2 and 6.
    @Test(arguments: [
        (
            [UInt8](repeating: 0x0B, count: 20), "Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        (
            Array("Jefe".utf8), "what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
        (
            [UInt8](repeating: 0xAA, count: 131), "Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        ),
    ])
    func signaturesAreThoseOfTheStandard(key: [UInt8], text: String, digest: String) {
        #expect(Signature.text(of: Array(text.utf8), key: key) == digest)
    }

    @Test func aFileGrowsIsMendedAndNumbered() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("roost-sink-\(UUID())")
            .path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = "\(folder)/triggers.ndjson"
        func text(_ name: String) throws -> String {
            String(decoding: try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")), as: UTF8.self)
        }
        // A crash left half a line.
        try Data("{\"seq\":1}\n{\"se".utf8).write(to: URL(fileURLWithPath: path))
        var target = Settings.FileSink(path: path)
        target.rotateBytes = 30
        target.keep = 2
        let delivery = FileDelivery(target)
        func deliver(_ seq: Int64) throws {
            try delivery.deliver(SinkBatch(lines: page("{\"seq\":\(seq)}"), seqs: [seq], key: "k"))
        }
        for seq in 2...7 as ClosedRange<Int64> { try deliver(seq) }
        #expect(try text("triggers.ndjson.1") == "{\"seq\":1}\n{\"seq\":2}\n{\"seq\":3}\n")
        #expect(
            try text("triggers.ndjson") == "{\"seq\":4}\n{\"seq\":5}\n{\"seq\":6}\n{\"seq\":7}\n".dropLast(10)
        )
        try deliver(8)
        #expect(try text("triggers.ndjson.2") == "{\"seq\":1}\n{\"seq\":2}\n{\"seq\":3}\n")
        for seq in 9...14 as ClosedRange<Int64> { try deliver(seq) }
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == [
                "triggers.ndjson", "triggers.ndjson.1", "triggers.ndjson.2",
            ])
        // Another program has moved it away.
        try FileManager.default.moveItem(atPath: path, toPath: "\(folder)/moved")
        try deliver(15)
        #expect(try text("triggers.ndjson") == "{\"seq\":15}\n")
    }

    @Test func aFileThatCannotBeOpenedIsAFailureWithItsPath() {
        let delivery = FileDelivery(Settings.FileSink(path: "/proc/nowhere/triggers.ndjson"))
        #expect(throws: SinkFailure("cannot open /proc/nowhere/triggers.ndjson: No such file or directory")) {
            try delivery.deliver(SinkBatch(lines: page("{\"seq\":1}"), seqs: [1], key: "k"))
        }
    }

    private func tcp(_ source: TestSource, _ change: (inout Settings.TCPSink) -> Void = { _ in })
        -> TCPDelivery
    {
        var target = Settings.TCPSink(address: source.address.text)
        change(&target)
        return TCPDelivery(target, address: source.address, time: SystemTime())
    }

    @Test func aReceiverThatAnswersNothingHasWhatItsKernelTook() async throws {
        let source = try TestSource()
        let delivery = tcp(source)
        let lines = page("{\"seq\":1}", "{\"seq\":2}")
        async let sent: Void = blocking {
            try delivery.deliver(SinkBatch(lines: lines, seqs: [1, 2], key: "k"))
            try delivery.deliver(SinkBatch(lines: lines, seqs: [3, 4], key: "k"))
            delivery.close()
        }
        let received = try await blocking { try source.accept().rest() }
        try await sent
        #expect(received == lines + lines)
    }

    @Test func aReceiverThatAcknowledgesIsBelieved() async throws {
        let source = try TestSource()
        let delivery = tcp(source) { $0.acknowledges = true }
        let lines = page("{\"seq\":1}", "{\"seq\":2}")
        let peer = Recorder<SourcePeer>()
        async let first: Void = blocking {
            try delivery.deliver(SinkBatch(lines: lines, seqs: [1, 2], key: "k"))
        }
        try await blocking {
            let accepted = try source.accept()
            peer.append(accepted)
            try accepted.send("{\"$ack\":{\"seq\":1}}\n{\"$ack\":")
            try accepted.send("{\"seq\":2}}\n")
        }
        try await first
        // It ends without a word about the next: not delivered.
        let second = Task {
            try await blocking {
                try delivery.deliver(SinkBatch(lines: lines, seqs: [3, 4], key: "k"))
            }
        }
        peer.all[0].endWriting()
        await #expect(throws: SinkFailure.self) { try await second.value }
    }

    @Test func nobodyListeningIsAFailureAndAnInterruptionEndsAWait() async throws {
        let address = try #require(ListenAddress("127.0.0.1:1"))
        let gone = TCPDelivery(Settings.TCPSink(address: address.text), address: address, time: SystemTime())
        let batch = SinkBatch(lines: page("{\"seq\":1}"), seqs: [1], key: "k")
        #expect(throws: SinkFailure.self) { try gone.deliver(batch) }
        let source = try TestSource()
        let silent = tcp(source) { $0.acknowledges = true }
        let waiting = Task { try await blocking { try silent.deliver(batch) } }
        _ = try await blocking { try source.accept() }
        silent.interrupt()
        await #expect(throws: SinkFailure.self) { try await waiting.value }
    }
}
