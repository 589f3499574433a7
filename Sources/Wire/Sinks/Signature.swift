import COpenSSL

/// HMAC-SHA256 (RFC 2104, FIPS 180-4) in lower-case hexadecimal digits, by OpenSSL.
enum Signature {
    static func text(of body: [UInt8], key: [UInt8]) -> String {
        var digest = [UInt8](repeating: 0, count: 32)
        var length: UInt32 = 32
        let made = HMAC(EVP_sha256(), key, Int32(key.count), body, body.count, &digest, &length)
        precondition(made != nil && length == 32, "HMAC-SHA256 gives 32 bytes")
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
