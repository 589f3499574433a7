import Core
import Store
import Testing

/// Every unusable line is kept once.
struct DeadLetterTests {
    private func batch(_ record: UInt64, _ count: Int, day: Int64 = 0) -> DeadLetters.Batch {
        let rejections = (0..<count).map { index in
            let code = RejectionCode.allCases[index % RejectionCode.allCases.count]
            return Rejection(
                line: UInt32(index), code: code, detail: "line \(index)", raw: [0, 0xFF, UInt8(index)])
        }
        return DeadLetters.Batch(
            record: record, producer: record % 2 == 0 ? "web-1" : nil, rejections: rejections,
            receivedAt: wallStart + day * testDay)
    }

    @Test func `the same records again change nothing, also after a restart`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/deadletters.db"
        do {
            var letters = try DeadLetters.open(path: path)
            #expect(try letters.append([batch(3, 2), batch(4, 0), batch(8, 9)]) == 11)
            #expect(try letters.append([batch(3, 2), batch(8, 9)]) == 0)
        }
        var letters = try DeadLetters.open(path: path)
        #expect(try letters.append([batch(8, 9), batch(9, 1)]) == 1)
        #expect((letters.total, letters.lastRecord, letters.oldest) == (12, 9, 1))
        let all = try letters.read(after: 0, limit: 100)
        #expect(all.map(\.seq) == Array(1...12))
        #expect(all[2...10].map(\.code) == RejectionCode.allCases.map(\.text))
        #expect(all[4].line == [0, 0xFF, 2])
        #expect(all[4].detail == "line 2")
        #expect(all[4].receivedAt == wallStart)
        #expect(try letters.read(after: 4, limit: 3).map(\.seq) == [5, 6, 7])
    }

    @Test func `retention goes by age and count, the total stays`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/deadletters.db"
        var letters = try DeadLetters.open(path: path)
        for day in 0..<10 { try letters.append([batch(UInt64(day + 1), 10, day: Int64(day))]) }
        let now = wallStart + 9 * testDay
        #expect(try !letters.prune(wallNow: now, age: 30 * testDay, count: 95))
        #expect(letters.oldest == 6)
        #expect(try !letters.prune(wallNow: now, age: 4 * testDay, count: 95))
        #expect(letters.oldest == 51)
        #expect(try letters.read(after: 0, limit: 1).map(\.seq) == [51])
        #expect(try !letters.prune(wallNow: now, age: 0, count: 0))
        #expect((letters.total, letters.oldest) == (100, 101))
        let again = try DeadLetters.open(path: path)
        #expect((again.total, again.oldest, again.lastRecord) == (100, 101, 10))
    }
}
