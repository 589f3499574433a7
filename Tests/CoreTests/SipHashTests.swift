import Core
import Testing

/// A keyed hash that is not the published one, or a mark that does not read back.
struct SipHashTests {
    /// Key and message of the authors' vectors: bytes 0, 1, 2, …
    private func hash(_ length: Int) -> [UInt8] {
        let (high, low) = (0..<length).map { UInt8($0) }.withUnsafeBytes {
            SipHash.hash128($0, k0: 0x0706_0504_0302_0100, k1: 0x0f0e_0d0c_0b0a_0908)
        }
        return [high, low].flatMap { word in withUnsafeBytes(of: word.littleEndian) { Array($0) } }
    }

    /// Oracle: `vectors_sip128` of the reference code, lengths 0 and 1.
    @Test func `hashes equal the published ones`() {
        #expect(
            hash(0) == [
                0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6, 0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02,
                0x93,
            ])
        #expect(
            hash(1) == [
                0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44, 0x34, 0x76, 0x59, 0x11, 0x9b, 0x22, 0xfc,
                0x45,
            ])
    }

    @Test func `every byte and the length count`() {
        #expect(Set((0..<40).map(hash)).count == 40)
    }

    @Test func `a mark reads back from its text and depends on the key`() {
        let id = Array("customer-1".utf8)
        let mark = HashKey(k0: 1, k1: 2).erasureMark(of: id)
        #expect(ErasureMark(text: mark.text, partition: mark.partition) == mark)
        #expect(Int(mark.partition) == id.withUnsafeBytes { Partitioning.partition(of: $0) })
        #expect(HashKey(k0: 1, k1: 3).erasureMark(of: id) != mark)
        #expect(HashKey(k0: 2, k1: 2).erasureMark(of: id) != mark)
        let small = ErasureMark(high: 0, low: 15, partition: 3)
        #expect(small.text == "0000000000000000000000000000000f")
        for text in ["", "0f", small.text + "0", String(repeating: "G", count: 32)] {
            #expect(ErasureMark(text: text, partition: 3) == nil)
        }
        #expect(ErasureMark(text: small.text, partition: 64) == nil)
    }
}
