import Core
import Testing

@Suite struct UserKeyTests {
    private func murmur2(_ text: String) -> Int32 {
        Array(text.utf8).withUnsafeBytes { Int32(bitPattern: Partitioning.murmur2($0)) }
    }

    /// Values of Apache Kafka's own test, `UtilsTest.testMurmur2` (clients, 3.7).
    @Test(
        arguments: [
            ("21", -973_932_308), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971), ("abc", 479_470_107),
        ] as [(String, Int32)])
    func murmur2IsKafkas(_ text: String, _ expected: Int32) {
        #expect(murmur2(text) == expected)
    }

    @Test func partitionsAreThoseOfATopicWithSixtyFour() {
        for text in ["21", "foobar", "abc", "", "회원-17"] {
            let partition = Array(text.utf8).withUnsafeBytes { Partitioning.partition(of: $0) }
            #expect(partition == Int(murmur2(text) & 0x7FFF_FFFF) % 64)
        }
    }

    @Test func idsSpreadEvenlyOverPartitions() {
        var counts = [Int](repeating: 0, count: Partitioning.count)
        for number in 0..<64_000 {
            Array("\(1_000_000_000 + number).1719800000".utf8).withUnsafeBytes {
                counts[Partitioning.partition(of: $0)] += 1
            }
        }
        #expect(counts.allSatisfy { (800...1200).contains($0) })
    }

    /// MurmurHash3 x64 128, seed 0, of the reference implementation.
    @Test func theStableHashIsMurmurHash3() {
        #expect(StableHash.hash128(Array("".utf8)) == (0, 0))
        #expect(StableHash.hash128(Array("hello".utf8)) == (0xcbd8_a7b3_41bd_9b02, 0x5b1e_906a_48ae_1d19))
        #expect(
            StableHash.hash128(Array("The quick brown fox jumps over the lazy dog".utf8))
                == (0xe34b_bc7b_bc07_1b6c, 0x7a43_3ca9_c49a_9347))
    }

    @Test func theKeyedHashDependsOnEveryByteAndOnTheKey() {
        let key = HashKey(k0: 1, k1: 2)
        let other = HashKey(k0: 1, k1: 3)
        for length in 1...40 {
            let id = [UInt8](repeating: 7, count: length)
            let hash = id.withUnsafeBytes { key.hash($0) }
            #expect(id.withUnsafeBytes { other.hash($0) } != hash)
            for index in id.indices {
                var changed = id
                changed[index] ^= 1
                #expect(changed.withUnsafeBytes { key.hash($0) } != hash)
            }
            #expect((id + [0]).withUnsafeBytes { key.hash($0) } != hash)
        }
    }
}
